#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"

/// What the daemon tells about itself, as values. Filled by the composition root, printed by status_text.hpp, carried
/// as the JSON of protocol/surfaces.md §7. Plain data: no ownership, any thread.
namespace weave::controller::api {

/// The version of this build, such as "3.0.0".
[[nodiscard]] std::string_view version();

struct VersionCheckStatus {
  bool enabled = false;
  bool success = false;
  std::string new_version;
  std::optional<WallTime> next_check_at;

  friend bool operator==(VersionCheckStatus const&, VersionCheckStatus const&) = default;
};

/// One end of a connection between two peers, as the topology knows it.
struct PeerConnectionStatus {
  PeerName name;
  std::string nickname;
  std::string address; ///< `ip:port` as seen from the peer that owns this entry
  bool outbound = false;
  bool established = false;

  friend bool operator==(PeerConnectionStatus const&, PeerConnectionStatus const&) = default;
};

struct PeerStatus {
  PeerName name;
  std::string nickname;
  PeerUid uid{};
  ShortId short_id{};
  std::uint64_t version = 0;
  std::vector<PeerConnectionStatus> connections;

  friend bool operator==(PeerStatus const&, PeerStatus const&) = default;
};

struct UnicastRouteStatus {
  PeerName destination;
  PeerName via; ///< kUnknownPeer for ourselves

  friend bool operator==(UnicastRouteStatus const&, UnicastRouteStatus const&) = default;
};

struct BroadcastRouteStatus {
  PeerName source;
  std::vector<PeerName> via;

  friend bool operator==(BroadcastRouteStatus const&, BroadcastRouteStatus const&) = default;
};

/// In the order in which `weave status` counts them.
enum class ConnectionState { established, pending, retrying, failed, connecting, waiting };

[[nodiscard]] std::string_view to_string(ConnectionState state);

using AttributeValue = std::variant<bool, std::int64_t, std::string>;

/// One of our own connections or connection attempts. Which parts mean something depends on the state: `peer`,
/// `nickname`, `overlay`, `encrypted` and `attributes` when established or pending, `error` when failed or retrying,
/// `retry_at` when failed (absent: never) or waiting.
/// One of the ways to a neighbour, in use or not.
struct PathStatus {
  std::string name; ///< `sleeve`, `fastdp`
  bool works = false;
  std::string problem;                              ///< why it does not
  std::map<std::string, AttributeValue> attributes; ///< `mtu`, `rtt`, `loss`, …

  friend bool operator==(PathStatus const&, PathStatus const&) = default;
};

struct ConnectionStatus {
  bool outbound = false;
  std::string address;
  ConnectionState state = ConnectionState::connecting;
  PeerName peer;
  std::string nickname;
  std::string overlay;                              ///< `sleeve`, `fastdp`, `none`
  std::optional<bool> encrypted;                    ///< absent when no password is set
  std::map<std::string, AttributeValue> attributes; ///< `mtu`, `encrypted`, …; not `name`, which is `overlay`
  std::string error;
  std::optional<WallTime> retry_at;
  std::string explanation = {};       ///< why the preferred overlay is not in use; empty if it is
  std::vector<PathStatus> paths = {}; ///< best first; none before the connection is made

  friend bool operator==(ConnectionStatus const&, ConnectionStatus const&) = default;
};

struct MacStatus {
  MacAddress mac;
  PeerName name;
  std::string nickname;
  WallTime last_seen{};

  friend bool operator==(MacStatus const&, MacStatus const&) = default;
};

struct VportStatus {
  std::uint32_t number = 0;
  std::string name;
  std::string type;

  friend bool operator==(VportStatus const&, VportStatus const&) = default;
};

/// An entry of the kernel's forwarding, in the notation of ovs-dpctl.
struct FlowStatus {
  std::string match;
  std::string actions;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  /// Kernel monotonic time of the last packet.
  std::optional<std::chrono::milliseconds> used = {};

  friend bool operator==(FlowStatus const&, FlowStatus const&) = default;
};

/// What the kernel forwards by at one moment, `now` on the kernel's monotonic clock.
struct FastPathStatus {
  std::vector<VportStatus> vports;
  std::vector<FlowStatus> flows;
  std::chrono::milliseconds now{};

  friend bool operator==(FastPathStatus const&, FastPathStatus const&) = default;
};

struct RouterStatus {
  int protocol_min = 1;
  int protocol_max = 2;
  bool encryption = false;
  bool peer_discovery = true;
  PeerName name;
  std::string nickname;
  std::uint16_t port = 0;
  std::vector<PeerStatus> peers;
  std::vector<UnicastRouteStatus> unicast_routes;
  std::vector<BroadcastRouteStatus> broadcast_routes;
  std::vector<ConnectionStatus> connections;
  std::uint64_t termination_count = 0;
  std::vector<std::string> targets;
  std::vector<std::string> overlays; ///< names whose diagnostics are listed (only `fastdp` has any detail)
  std::vector<Ipv4Cidr> trusted_subnets;
  std::string interface;                              ///< such as `vethwe-user (via TAP)`
  std::map<std::string, std::uint64_t> capture_stats; ///< counters of that interface
  std::vector<MacStatus> macs;
  std::optional<FastPathStatus> fast_path = {}; ///< only in the whole report and where flows are asked for
  std::string fast_path_obstacle = {}; ///< why there is no kernel fast path; empty: there is one, or none is wanted
  std::uint32_t mtu = 0;               ///< bytes of a container's IP packet; 0: not known

  friend bool operator==(RouterStatus const&, RouterStatus const&) = default;
};

/// Only while the ring does not exist yet.
struct PaxosStatus {
  bool elector = true; ///< false for an observer
  std::uint32_t known_nodes = 0;
  std::uint32_t quorum = 0;

  friend bool operator==(PaxosStatus const&, PaxosStatus const&) = default;
};

struct RingEntryStatus {
  Ipv4Address token;
  std::uint32_t size = 0;
  PeerName peer;
  std::string nickname;
  bool is_known_peer = true;
  std::uint32_t version = 0;

  friend bool operator==(RingEntryStatus const&, RingEntryStatus const&) = default;
};

struct PendingClaimStatus {
  std::string ident;
  Ipv4Cidr cidr;

  friend bool operator==(PendingClaimStatus const&, PendingClaimStatus const&) = default;
};

struct IpamStatus {
  std::optional<PaxosStatus> paxos;
  Ipv4Cidr range;
  std::uint64_t range_addresses = 0;
  std::uint64_t active_addresses = 0; ///< held by containers of this host
  Ipv4Cidr default_subnet;
  std::string tracker;
  std::vector<RingEntryStatus> entries;
  std::vector<PendingClaimStatus> pending_claims;
  std::vector<std::string> pending_allocates; ///< `<ident> <cidr>`
  std::string waiting_for;                    ///< who is missing for the quorum; empty when nobody is
  std::string conflict = {};                  ///< with whom we disagree about the ring, and what to do; empty: nobody

  friend bool operator==(IpamStatus const&, IpamStatus const&) = default;
};

struct DnsEntryStatus {
  std::string hostname; ///< fully qualified, with the final dot
  PeerName origin;
  std::string container_id;
  Ipv4Address address;
  std::int64_t version = 0;
  std::int64_t tombstone = 0; ///< 0, or the Unix time of deletion

  friend bool operator==(DnsEntryStatus const&, DnsEntryStatus const&) = default;
};

struct DnsStatus {
  std::string domain; ///< with the final dot
  std::vector<std::string> upstream;
  std::string address;
  std::uint32_t ttl = 1;
  std::vector<DnsEntryStatus> entries;
  std::string obstacle = {}; ///< why nothing is answered, and what to do; empty while listening

  friend bool operator==(DnsStatus const&, DnsStatus const&) = default;
};

struct ProxyStatus {
  std::vector<std::string> addresses;

  friend bool operator==(ProxyStatus const&, ProxyStatus const&) = default;
};

struct PluginStatus {
  std::string socket;
  std::string mesh_socket;
  bool enable = true;
  bool dns = false;
  std::string default_subnet;
  std::string driver_name = "weave";
  std::string mesh_driver_name = "weavemesh";
  std::string engine_obstacle = {};  ///< why containers are not followed; empty: they are, or nobody wants that
  std::string network_obstacle = {}; ///< why Docker has not got the default network as it should be; empty: it has
  bool network_differs = false;      ///< it has one of ours, which is only not as it would be made now
  bool v2 = false;                   ///< the managed plugin of Docker's
  bool v2_multicast = false;

  friend bool operator==(PluginStatus const&, PluginStatus const&) = default;
};

/// Something about this host that is not as it should be, and what to do about it.
struct HostWarning {
  std::string what;
  std::string cause;
  std::string next;

  friend bool operator==(HostWarning const&, HostWarning const&) = default;
};

/// Where the overlay's firewall is on this host.
struct FirewallPlaces {
  std::vector<std::string> rules;  ///< "nftables", "iptables-nft", "iptables-legacy", "iptables"
  std::string nftables_refusal;    ///< why the overlay has no table of its own in nftables; empty: it has one
  bool docker_in_nftables = false; ///< Docker filters by tables of its own there, which need no rule of ours

  friend bool operator==(FirewallPlaces const&, FirewallPlaces const&) = default;
};

/// What the daemon found of its host that is not as it should be, if anything: then texts are not empty.
struct HostStatus {
  std::string state_obstacle;             ///< why the last change could not be stored
  std::string firewall_obstacle;          ///< why the firewall's rules are not in place
  std::vector<std::string> hairpin_ports; ///< our own ports of the bridge that send frames back to where they come from
  std::string clock_obstacle;             ///< whose clock differs from ours, and by how much
  FirewallPlaces firewall_places = {};

  friend bool operator==(HostStatus const&, HostStatus const&) = default;
};

/// Everything. A service that is off is absent.
struct StatusReport {
  bool ready = false;
  std::vector<std::string> not_ready_reasons; ///< one sentence each; empty when ready
  std::string version;
  VersionCheckStatus version_check;
  std::optional<RouterStatus> router;
  std::optional<IpamStatus> ipam;
  std::optional<DnsStatus> dns;
  std::optional<ProxyStatus> proxy;
  std::optional<PluginStatus> plugin;
  std::vector<HostWarning> firewall; ///< what others' rules on this host do to the overlay
  HostStatus host = {};

  friend bool operator==(StatusReport const&, StatusReport const&) = default;
};

/// Addresses held for one container (`GET /ip`).
struct OwnedAddresses {
  std::string container_id;
  std::vector<Ipv4Cidr> addresses;

  friend bool operator==(OwnedAddresses const&, OwnedAddresses const&) = default;
};

/// The report as `weave report` prints it: 4 spaces of indent, no final newline (surfaces.md §7). Keys of the original
/// in its order; ours (`NotReadyReasons`, `Peer`, `Overlay`, …) follow at the end of their object.
[[nodiscard]] std::string to_json(StatusReport const& report);
/// The inverse; absent keys and nulls are defaults, anything of the wrong type is malformed.
[[nodiscard]] Result<StatusReport> parse_status_report(std::string_view json);
/// What is not well, as find_troubles() has it, travels along under `Troubles`, in the report and in the sections.
/// The part of a report that `weave status <section> --json` prints, indented: `connections`, `peers`, `targets`,
/// `dns`, `ipam`, `flows`; null for a service that is off.
[[nodiscard]] Result<std::string> report_section(std::string_view report_json, std::string_view section);

/// `{"owned":[…]}` with a final newline; `{"owned":null}` when there is none (surfaces.md §6.1).
[[nodiscard]] std::string to_json(std::vector<OwnedAddresses> const& owned);

/// The inverse.
[[nodiscard]] Result<std::vector<OwnedAddresses>> parse_owned_addresses(std::string_view json);

/// `GET /name`: an array with a final newline; `null` when there is none (protocol/ipam-dns.md §15).
[[nodiscard]] std::string to_json(std::vector<DnsEntryStatus> const& entries);
/// The inverse.
[[nodiscard]] Result<std::vector<DnsEntryStatus>> parse_names(std::string_view json);

} // namespace weave::controller::api
