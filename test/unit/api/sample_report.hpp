#pragma once

#include "controller/api/messages.hpp"
#include "controller/api/time_text.hpp"

namespace weave::controller::api {

inline RouterStatus sample_router() {
  auto const one = PeerName{1};
  auto const two = PeerName{2};
  RouterStatus router;
  router.encryption = true;
  router.name = two;
  router.nickname = "two";
  router.port = 6783;
  router.peers = {
      PeerStatus{.name = two,
                 .nickname = "two",
                 .uid = PeerUid{11407714123369223940U},
                 .short_id = ShortId{2964},
                 .version = 2,
                 .connections = {{.name = one,
                                  .nickname = "one",
                                  .address = "192.168.77.1:6783",
                                  .outbound = true,
                                  .established = true}}},
      PeerStatus{.name = one,
                 .nickname = "one",
                 .uid = PeerUid{7},
                 .short_id = ShortId{12},
                 .version = 3,
                 .connections = {{.name = two,
                                  .nickname = "two",
                                  .address = "192.168.77.2:59769",
                                  .outbound = false,
                                  .established = true}}},
  };
  router.unicast_routes = {{.destination = two, .via = kUnknownPeer}, {.destination = one, .via = one}};
  router.broadcast_routes = {{.source = two, .via = {one}}};
  auto const connection = [](std::string address, ConnectionState state) {
    ConnectionStatus result;
    result.outbound = true;
    result.address = std::move(address);
    result.state = state;
    return result;
  };
  router.connections = {connection("192.168.77.1:6783", ConnectionState::established),
                        connection("2.2.2.2:5", ConnectionState::connecting),
                        connection("10.9.9.9:7000", ConnectionState::retrying),
                        connection("10.9.9.9:7001", ConnectionState::failed)};
  auto& established = router.connections[0];
  established.peer = one;
  established.nickname = "one";
  established.overlay = "sleeve";
  established.encrypted = true;
  established.attributes = {{"mtu", std::int64_t{1414}}, {"encrypted", true}};
  established.paths = {{.name = "fastdp", .works = false, .problem = "no heartbeat", .attributes = {}},
                       {.name = "sleeve", .works = true, .problem = "", .attributes = established.attributes}};
  router.connections[2].error = "dial tcp :0->10.9.9.9:7000: connect: no route to host";
  router.connections[3].error = "connection refused";
  router.connections[3].retry_at = parse_rfc3339("2026-11-24T04:00:43.414188223Z").value();
  router.targets = {"192.168.77.1", "10.9.9.9:7000"};
  router.overlays = {"sleeve"};
  router.interface = "vethwe-user (via TAP)";
  router.capture_stats = {{"PacketsReceived", 3}};
  return router;
}

/// What peer `two` forwards by to a container of `one`, and a relay flow between ids that nobody has.
inline FastPathStatus sample_fast_path() {
  FastPathStatus status;
  status.vports = {{.number = 0, .name = "datapath", .type = "internal"},
                   {.number = 3, .name = "vxlan-6784", .type = "netdev"}};
  status.flows = {{.match = "in_port(2),eth(dst=02:77:0a:20:00:01)",
                   .actions = "set(tunnel(tun_id=0xcb94,src=192.168.77.2,dst=192.168.77.1,ttl=64,flags(df))),3",
                   .packets = 3,
                   .bytes = 294,
                   .used = std::chrono::milliseconds{99'488}},
                  {.match = "tunnel(tun_id=0xfff001,src=192.168.77.1,dst=192.168.77.2),in_port(3),eth()",
                   .actions = "drop",
                   .packets = 0,
                   .bytes = 0,
                   .used = {}}};
  status.now = std::chrono::milliseconds{100'000};
  return status;
}

inline DnsStatus sample_dns() {
  auto const origin = PeerName::parse("e6:86:cd:e7:77:3d").value();
  auto const entry = [origin](std::string hostname, std::string id, std::string_view address) {
    DnsEntryStatus result;
    result.hostname = std::move(hostname);
    result.origin = origin;
    result.container_id = std::move(id);
    result.address = Ipv4Address::parse(address).value();
    return result;
  };
  DnsStatus dns;
  dns.domain = "weave.local.";
  dns.address = "172.17.0.1:53";
  dns.entries = {entry("db.weave.local.", "weave:extern", "1.2.3.4"),
                 entry("aa.weave.local.", "053b6fb073b2aaaaaaaaaaaa", "10.32.4.1"),
                 entry("gone.weave.local.", "x", "10.32.4.2")};
  dns.entries[2].tombstone = 1764000000;
  return dns;
}

/// Peer `two` of the observed example in protocol/surfaces.md §5 and §7, holding half of the ring.
inline StatusReport sample_report() {
  StatusReport report;
  report.ready = true;
  report.version = "3.0.0";
  report.router = sample_router();
  IpamStatus ipam;
  ipam.range = Ipv4Cidr::parse("10.32.0.0/12").value();
  ipam.default_subnet = ipam.range;
  ipam.range_addresses = 1048576;
  ipam.active_addresses = 2;
  auto const entry = [](std::string_view token, PeerName peer, std::string nickname) {
    RingEntryStatus result;
    result.token = Ipv4Address::parse(token).value();
    result.size = 524288;
    result.peer = peer;
    result.nickname = std::move(nickname);
    return result;
  };
  ipam.entries = {entry("10.32.0.0", PeerName{1}, "one"), entry("10.40.0.0", PeerName{2}, "two")};
  report.ipam = ipam;
  PluginStatus plugin;
  plugin.socket = "/run/docker/plugins/weave.sock";
  plugin.mesh_socket = "/run/docker/plugins/weavemesh.sock";
  plugin.default_subnet = "10.32.0.0/12";
  report.plugin = plugin;
  return report;
}

} // namespace weave::controller::api
