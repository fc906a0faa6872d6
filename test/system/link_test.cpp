#include <algorithm>
#include <poll.h>

#include <gtest/gtest.h>

#include "datapath/link/gratuitous_arp.hpp"
#include "datapath/link/overlay_bridge.hpp"
#include "datapath/link/sandbox_interface.hpp"
#include "datapath/link/user_port.hpp"
#include "test/system/packet_socket.hpp"
#include "test/system/scratch_namespace.hpp"

namespace weave::datapath {
namespace {

MacAddress mac(std::string_view text) { return *MacAddress::parse(text); }

BridgeSpec spec(std::uint32_t mtu = kDefaultBridgeMtu) {
  return {.name = "weave", .mac = mac("02:00:00:00:00:01"), .mtu = mtu};
}

TEST(LinkSystem, ABridgeKeepsItsMacAndMtuWhateverPortsItGets) {
  WEAVE_SCRATCH_NAMESPACE(host);
  OverlayBridge bridge{host->links()};
  for (std::uint32_t const mtu : {1376U, 1500U, 65535U}) {
    auto const made = host->run([&]() -> Result<void> {
      auto const ensured = bridge.ensure(spec(mtu));
      if (!ensured) return failure_of(ensured);
      return {};
    });
    WEAVE_ASSERT_OK(made);
    WEAVE_ASSERT_OK(host->links().create_veth({.host_name = "vethwlone", .guest_name = "vethwgone", .mtu = 700}));
    auto const index = host->links().find("weave")->index;
    WEAVE_ASSERT_OK(host->links().change("vethwlone", {.up = true, .mac = mac("00:00:00:00:00:07"), .master = index}));
    auto const link = host->links().find("weave");
    EXPECT_EQ(link->mtu, mtu);
    EXPECT_EQ(link->mac, spec().mac);
    EXPECT_TRUE(link->up);
    EXPECT_EQ(link->kind, "bridge");
    WEAVE_ASSERT_OK(host->links().remove("vethwlone"));
    EXPECT_EQ(host->links().find("weave")->mac, spec().mac);
  }
}

TEST(LinkSystem, EnsureAdoptsABridgeWithItsPortsAndRefusesAnythingElse) {
  WEAVE_SCRATCH_NAMESPACE(host);
  ASSERT_EQ(host->shell("ip link add weave mtu 1400 type bridge mcast_snooping 1 && ip link add vethwla type veth peer "
                        "name vethwga && ip link set vethwla master weave up"),
            0);
  (void)host->run([&]() -> Result<void> {
    EXPECT_TRUE(OverlayBridge{host->links()}.ensure(spec()));
    return {};
  });
  auto const link = host->links().find("weave");
  EXPECT_EQ(link->mtu, kDefaultBridgeMtu);
  EXPECT_EQ(link->mac, spec().mac);
  EXPECT_EQ(host->links().find("vethwla")->master, link->index);
  EXPECT_EQ(host->shell("ip -d link show weave | grep -q 'mcast_snooping 0'"), 0);

  WEAVE_ASSERT_OK(host->links().create_veth({.host_name = "notabridge", .guest_name = "other", .mtu = 1500}));
  auto wrong = spec();
  wrong.name = "notabridge";
  auto const refused = OverlayBridge{host->links()}.ensure(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::already_exists);
}

TEST(LinkSystem, IPv6AutoconfigurationIsOff) {
  WEAVE_SCRATCH_NAMESPACE(host);
  (void)host->run([&]() -> Result<void> {
    EXPECT_TRUE(OverlayBridge{host->links()}.ensure(spec()));
    EXPECT_TRUE(SandboxInterfaces{host->links()}.create_endpoint(
        {.host_name = "vethwlabcdefghi", .guest_name = "vethwgabcdefghi"}));
    return {};
  });
  EXPECT_EQ(
      host->shell("test -z \"$(ip -6 addr show dev weave)\" && test -z \"$(ip -6 addr show dev vethwlabcdefghi)\" "
                  "&& test $(cat /proc/sys/net/ipv6/conf/weave/accept_ra) = 0"),
      0);
}

TEST(LinkSystem, EndpointsAreIdempotentAndFollowTheBridge) {
  WEAVE_SCRATCH_NAMESPACE(host);
  WEAVE_SCRATCH_NAMESPACE(guest);
  OverlayBridge bridge{host->links()};
  SandboxInterfaces sandboxes{host->links()};
  SandboxSpec const endpoint{
      .host_name = "vethwl123456789", .guest_name = "vethwg123456789", .mac = mac("02:0a:0b:0c:0d:0e")};
  (void)host->run([&]() -> Result<void> {
    auto const early = sandboxes.create_endpoint(endpoint);
    EXPECT_FALSE(early);
    EXPECT_EQ(early.error().text(), "bridge \"weave\" not present; did you launch weave?");
    EXPECT_TRUE(bridge.ensure(spec()));
    EXPECT_EQ(sandboxes.create_endpoint(endpoint).value(), endpoint.mac);
    EXPECT_EQ(sandboxes.create_endpoint(endpoint).value(), endpoint.mac);
    return {};
  });
  auto const host_end = [&](bool peer_here) {
    auto const index = host->links().find("vethwl123456789")->index;
    return std::vector{HostEnd{.name = "vethwl123456789", .index = index, .peer_here = peer_here}};
  };
  EXPECT_EQ(sandboxes.host_ends().value(), host_end(true));
  EXPECT_EQ(host->links().find("vethwg123456789")->mtu, kDefaultBridgeMtu);
  EXPECT_EQ(host->links().find("vethwl123456789")->master, host->links().find("weave")->index);

  // As an engine does: the end goes into the container and gets another name.
  WEAVE_ASSERT_OK(host->links().change("vethwg123456789", {.namespace_fd = guest->handle().fd()}));
  WEAVE_ASSERT_OK(guest->links().change("vethwg123456789", {.name = "ethwe0"}));
  EXPECT_EQ(guest->links().find("ethwe0")->mac, endpoint.mac);
  EXPECT_EQ(sandboxes.host_ends().value(), host_end(false));
  auto const again = sandboxes.create_endpoint(endpoint);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind(), ErrorKind::already_exists);
  EXPECT_NE(again.error().text().find("could not create veth pair vethwl123456789-vethwg123456789: "),
            std::string::npos);
  EXPECT_TRUE(guest->links().find("ethwe0")) << "a refused request must not touch the container";

  WEAVE_ASSERT_OK(sandboxes.delete_endpoint("vethwl123456789"));
  WEAVE_ASSERT_OK(sandboxes.delete_endpoint("vethwl123456789"));
  EXPECT_FALSE(guest->links().find("ethwe0"));
  EXPECT_TRUE(sandboxes.host_ends()->empty());
}

TEST(LinkSystem, AFailedEndpointLeavesNothing) {
  WEAVE_SCRATCH_NAMESPACE(host);
  (void)host->run([&]() -> Result<void> {
    EXPECT_TRUE(OverlayBridge{host->links()}.ensure(spec()));
    SandboxInterfaces sandboxes{host->links()};
    // A group address is refused by the kernel.
    EXPECT_FALSE(
        sandboxes.create_endpoint({.host_name = "vethwla", .guest_name = "vethwga", .mac = mac("01:00:00:00:00:01")}));
    EXPECT_FALSE(sandboxes.create_endpoint({.host_name = "vethwla", .guest_name = "vethwga", .mtu = 10}));
    return {};
  });
  EXPECT_EQ(host->links().list("vethw")->size(), 0U);
}

TEST(LinkSystem, AddressesAndRoutesAreIdempotent) {
  WEAVE_SCRATCH_NAMESPACE(host);
  (void)host->run([&]() -> Result<void> {
    EXPECT_TRUE(OverlayBridge{host->links()}.ensure(spec()));
    return {};
  });
  auto const weave = host->links().find("weave")->index;
  InterfaceAddress const address{.link = weave, .address = *Ipv4Cidr::parse("10.32.0.1/12")};
  auto& addresses = host->addresses();
  WEAVE_ASSERT_OK(addresses.add(address));
  WEAVE_ASSERT_OK(addresses.add(address));
  EXPECT_EQ(addresses.list(weave).value(), std::vector{address});
  EXPECT_EQ(addresses.list()->size(), 2U) << "with that of lo";
  ASSERT_EQ(host->shell("ip route add 192.0.2.0/24 via 10.32.0.9; ip route add default via 10.32.0.2"), 0);
  auto const routes = addresses.routes().value();
  Route const connected{.destination = *Ipv4Cidr::parse("10.32.0.0/12"), .gateway = {}, .link = weave};
  Route const remote{.destination = *Ipv4Cidr::parse("192.0.2.0/24"),
                     .gateway = Ipv4Address::parse("10.32.0.9").value(),
                     .link = weave};
  Route const fallback{.destination = {}, .gateway = Ipv4Address::parse("10.32.0.2").value(), .link = weave};
  EXPECT_EQ(routes.size(), 3U);
  EXPECT_TRUE(std::ranges::count(routes, connected));
  EXPECT_TRUE(std::ranges::count(routes, remote));
  EXPECT_TRUE(std::ranges::count(
      routes, Route{.destination = {.address = {}, .prefix = 0}, .gateway = fallback.gateway, .link = weave}));
  EXPECT_EQ(host->shell("ip addr show dev weave | grep -q 'brd 10.47.255.255'"), 0);
  WEAVE_ASSERT_OK(addresses.remove(address));
  WEAVE_ASSERT_OK(addresses.remove(address));
  EXPECT_TRUE(addresses.list(weave)->empty());
}

TEST(LinkSystem, ErrorsCarryTheKernelsText) {
  WEAVE_SCRATCH_NAMESPACE(host);
  EXPECT_EQ(host->links().find("absent").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(host->links().find("absent").error().text(), "find interface absent: No such device");
  WEAVE_ASSERT_OK(host->links().create_veth({.host_name = "one", .guest_name = "two", .mtu = 1500}));
  auto const tiny = host->links().change("one", {.mtu = 1});
  ASSERT_FALSE(tiny);
  EXPECT_EQ(tiny.error().text(), "change interface one: Invalid argument (mtu less than device minimum)");
}

TEST(LinkSystem, TheUserPortIsAdoptedTakesOffloadsAndGoesWithItsOwner) {
  WEAVE_SCRATCH_NAMESPACE(host);
  (void)host->run([&]() -> Result<void> {
    EXPECT_TRUE(OverlayBridge{host->links()}.ensure(spec()));
    auto port = UserPort::open(host->links(), {});
    EXPECT_TRUE(port) << port.error().text();
    if (!port) return {};
    EXPECT_TRUE(port->offloads().checksum);
    EXPECT_TRUE(port->offloads().tcp_segmentation);
    auto const link = host->links().find("vethwe-user");
    EXPECT_EQ(link->master, host->links().find("weave")->index);
    EXPECT_TRUE(link->up);
    EXPECT_EQ(link->mtu, 65521U);
    EXPECT_EQ(host->links().find("weave")->mtu, kDefaultBridgeMtu);
    auto const second = UserPort::open(host->links(), {});
    EXPECT_FALSE(second);
    EXPECT_EQ(second.error().kind(), ErrorKind::already_exists);
    return {};
  });
  EXPECT_FALSE(host->links().find("vethwe-user"));
}

TEST(LinkSystem, WhatOthersDoToTheUserPortIsMended) {
  WEAVE_SCRATCH_NAMESPACE(host);
  (void)host->run([&]() -> Result<void> {
    auto& links = host->links();
    EXPECT_TRUE(OverlayBridge{links}.ensure(spec()));
    EXPECT_EQ(UserPort::mend(links, {}), "");
    auto const port = UserPort::open(links, {});
    EXPECT_TRUE(port);
    auto const good = links.find("vethwe-user");
    EXPECT_EQ(UserPort::mend(links, {}), "");
    EXPECT_EQ(host->shell("ip link set vethwe-user nomaster down mtu 1500"), 0);
    EXPECT_EQ(UserPort::mend(links, {}), "it was down, its MTU was changed, it was no port of the bridge");
    EXPECT_EQ(links.find("vethwe-user"), good);

    // A kernel path has its own place for it.
    UserPort::Config const free{.place = UserPortPlace::free_standing};
    EXPECT_EQ(UserPort::mend(links, free), "");
    EXPECT_EQ(host->shell("ip link set vethwe-user down"), 0);
    EXPECT_EQ(UserPort::mend(links, free), "it was down");
    EXPECT_EQ(links.find("vethwe-user"), good);
    return {};
  });
}

TEST(LinkSystem, FramesPassTheUserPortBothWays) {
  WEAVE_SCRATCH_NAMESPACE(host);
  (void)host->run([&]() -> Result<void> {
    EXPECT_TRUE(OverlayBridge{host->links()}.ensure(spec()));
    auto port = UserPort::open(host->links(), {});
    EXPECT_TRUE(port);
    if (!port) return {};
    std::vector<std::uint8_t> buffer(UserPort::kFrameMax);
    auto const sent = gratuitous_arp_frame(mac("02:00:00:00:00:01"), Ipv4Address{0x0a200001});
    // The kernel lets the bridge send some time after its first port came up.
    pollfd waiting{.fd = port->fd(), .events = POLLIN, .revents = 0};
    for (int tries = 0; tries < 100 && waiting.revents == 0; ++tries) {
      EXPECT_TRUE(send_gratuitous_arp("weave", mac("02:00:00:00:00:01"), Ipv4Address{0x0a200001}));
      ::poll(&waiting, 1, 20);
    }
    auto const captured = port->read(buffer);
    EXPECT_EQ(to_hex(captured->bytes), to_hex(sent));
    EXPECT_EQ(captured->header, OffloadHeader{});
    while (!port->read(buffer)->bytes.empty()) {
    }
    EXPECT_TRUE(port->write(gratuitous_arp_frame(mac("02:00:00:00:00:99"), Ipv4Address{0x0a200002})));
    EXPECT_FALSE(port->write(Bytes(3)));
    return {};
  });
}

TEST(LinkSystem, AFreeStandingUserPortIsQuietAndTakesTaggedFrames) {
  WEAVE_SCRATCH_NAMESPACE(host);
  std::optional<UserPort> port;
  WEAVE_ASSERT_OK(host->run([&]() -> Result<void> {
    auto opened = UserPort::open(host->links(), {.place = UserPortPlace::free_standing});
    if (!opened) return failure_of(opened);
    port.emplace(std::move(*opened));
    return {};
  }));
  auto const link = host->links().find("vethwe-user");
  EXPECT_FALSE(link->master);
  EXPECT_TRUE(link->up);
  EXPECT_EQ(host->shell("ip -6 addr show dev vethwe-user | grep -q inet6"), 1);

  test::PacketSocket const kernel{*host, "vethwe-user"};
  auto const frame = gratuitous_arp_frame(mac("02:00:00:00:00:99"), Ipv4Address{0x0a200002});
  std::array<std::uint8_t, kVlanTagSize> const tag{0x81, 0x00, 0x01, 0x02};
  WEAVE_ASSERT_OK(port->write(frame, tag));
  auto const written = kernel.next();
  ASSERT_TRUE(written);
  EXPECT_EQ(to_hex(written->bytes),
            to_hex(ByteView{frame}.first(12)) + "81000102" + to_hex(ByteView{frame}.subspan(12)));
  EXPECT_FALSE(port->write(Bytes(13), tag));

  Bytes buffer(UserPort::kFrameMax);
  EXPECT_TRUE(port->read(buffer)->bytes.empty()) << "the host has sent something by itself";
  ASSERT_TRUE(kernel.send(written->bytes));
  EXPECT_EQ(to_hex(port->read(buffer)->bytes), to_hex(written->bytes));
}

TEST(LinkSystem, ResetLeavesOnlyWhatIsNotOurs) {
  WEAVE_SCRATCH_NAMESPACE(host);
  ASSERT_EQ(host->shell("ip link add weave type bridge; ip link add vethwe-bridge type veth peer name vethwe-pcap;"
                        "ip link add vethwlx type veth peer name vethwgx; ip link add vethwepl12 type veth peer name "
                        "vethwepg12; ip link add mine type veth peer name vethother; ip link add docker0 type bridge"),
            0);
  WEAVE_ASSERT_OK(OverlayBridge{host->links()}.reset());
  WEAVE_ASSERT_OK(OverlayBridge{host->links()}.reset());
  std::vector<std::string> names;
  auto const left = host->links().list();
  for (auto const& link : *left) names.push_back(link.name);
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"docker0", "lo", "mine", "vethother"}));
}

TEST(LinkSystem, ChecksumOffloadCanBeSwitched) {
  WEAVE_SCRATCH_NAMESPACE(host);
  WEAVE_ASSERT_OK(host->links().create_veth({.host_name = "a", .guest_name = "b", .mtu = 1500}));
  (void)host->run([&]() -> Result<void> {
    EXPECT_TRUE(tx_checksum_offload("a").value());
    EXPECT_TRUE(set_tx_checksum_offload("a", false));
    EXPECT_FALSE(tx_checksum_offload("a").value());
    EXPECT_TRUE(set_tx_checksum_offload("a", true));
    EXPECT_TRUE(tx_checksum_offload("a").value());
    EXPECT_FALSE(tx_checksum_offload("absent"));
    return {};
  });
}

TEST(LinkSystem, EnteringANamespaceDoesNotMoveTheCaller) {
  WEAVE_SCRATCH_NAMESPACE(host);
  auto const before = NetworkNamespace::current()->inode().value();
  std::uint64_t inside = 0;
  WEAVE_ASSERT_OK(host->run([&]() -> Result<void> {
    inside = NetworkNamespace::current()->inode().value();
    return {};
  }));
  EXPECT_EQ(inside, host->handle().inode().value());
  EXPECT_NE(inside, before);
  EXPECT_EQ(NetworkNamespace::current()->inode().value(), before);
  EXPECT_EQ(NetworkNamespace::open("/proc/self/ns/absent").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(NetworkNamespace::open("/proc/version").error().text(),
            "/proc/version is no network namespace as seen from here");
}

} // namespace
} // namespace weave::datapath
