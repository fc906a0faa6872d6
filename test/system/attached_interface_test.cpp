#include "datapath/link/attached_interface.hpp"

#include <gtest/gtest.h>

#include "datapath/link/overlay_bridge.hpp"
#include "datapath/link/overlay_interfaces.hpp"
#include "test/system/scratch_namespace.hpp"

namespace weave::datapath {
namespace {

constexpr std::int64_t kPid = 4711;

Ipv4Cidr cidr(char const* text) { return Ipv4Cidr::parse(text).value(); }
Ipv4Address address(char const* text) { return Ipv4Address::parse(text).value(); }

/// A host with the overlay's bridge, and a container that is not attached yet.
class AttachedInterfaceSystem : public testing::Test {
 protected:
  void SetUp() override {
    host_ = test::ScratchNamespace::create(reason_);
    guest_ = test::ScratchNamespace::create(reason_);
    if (!host_ || !guest_) GTEST_SKIP() << "no network namespace: " << reason_;
    sandboxes_.emplace(host_->links());
    interface_.emplace(guest_->handle());
    WEAVE_ASSERT_OK(host_->run([&]() -> Result<void> {
      auto const made = OverlayBridge{host_->links()}.ensure(
          {.name = "weave", .mac = MacAddress::parse("02:00:00:00:00:01").value(), .mtu = 1376});
      return made ? Result<void>{} : failure_of(made);
    }));
  }
  void plug() {
    WEAVE_ASSERT_OK(host_->run([&] { return interface_->plug(*sandboxes_, host_->links(), kPid, "weave"); }));
  }
  AttachedInterface::State configure(std::vector<Ipv4Cidr> addresses, bool multicast = true) {
    auto const state = interface_->configure({.addresses = std::move(addresses), .multicast_route = multicast});
    EXPECT_TRUE(state) << (state ? "" : state.error().text());
    return state.value_or(AttachedInterface::State{});
  }
  std::vector<OverlayInterface> view() {
    auto const ports = OverlayPorts::list(host_->links(), "weave");
    EXPECT_TRUE(ports);
    return ports->interfaces_in(guest_->handle()).value();
  }

  std::string reason_;
  std::unique_ptr<test::ScratchNamespace> host_;
  std::unique_ptr<test::ScratchNamespace> guest_;
  std::optional<SandboxInterfaces> sandboxes_;
  std::optional<AttachedInterface> interface_;
};

TEST_F(AttachedInterfaceSystem, GivesAContainerItsInterface) {
  EXPECT_FALSE(interface_->exists().value());
  plug();
  EXPECT_TRUE(interface_->exists().value());
  EXPECT_EQ(configure({cidr("10.2.1.1/24"), cidr("10.2.2.1/24")}).addresses,
            (std::vector{cidr("10.2.1.1/24"), cidr("10.2.2.1/24")}));
  auto const link = guest_->links().find("ethwe");
  ASSERT_TRUE(link);
  EXPECT_EQ(link->mtu, 1376U);
  EXPECT_TRUE(link->up);
  EXPECT_EQ(host_->links().find("vethwepl4711")->master, host_->links().find("weave")->index);
  EXPECT_EQ(guest_->shell("ip route show 224.0.0.0/4 | grep -q 'dev ethwe scope link'"), 0);
  EXPECT_EQ(guest_->shell("test $(cat /proc/sys/net/ipv4/neigh/ethwe/base_reachable_time) = 5 "
                          "&& test -z \"$(ip -6 addr show dev ethwe)\""),
            0);
  EXPECT_EQ(host_->shell("ip -d link show vethwepl4711 | grep -q 'hairpin on'"), 0);
  EXPECT_EQ(view(), (std::vector<OverlayInterface>{
                        {.name = "ethwe", .mac = link->mac, .addresses = {cidr("10.2.1.1/24"), cidr("10.2.2.1/24")}}}));
}

TEST_F(AttachedInterfaceSystem, ExtendsAndAnnouncesOnlyWhatIsNew) {
  plug();
  configure({cidr("10.2.1.1/24")}, false);
  EXPECT_NE(guest_->shell("ip route show 224.0.0.0/4 | grep -q ethwe"), 0);
  EXPECT_EQ(configure({cidr("10.2.1.1/24"), cidr("10.2.1.1/16")}).addresses,
            (std::vector{cidr("10.2.1.1/24"), cidr("10.2.1.1/16")}));
  EXPECT_EQ(guest_->shell("ip route show 224.0.0.0/4 | grep -q ethwe"), 0);
  EXPECT_EQ(configure({cidr("10.2.1.1/24"), cidr("10.2.1.1/16")}).addresses.size(), 2U);
}

TEST_F(AttachedInterfaceSystem, MulticastOfOtherSubnetsStaysOut) {
  if (run_command({"iptables", "--version"}).value_or(1) != 0) GTEST_SKIP() << "no iptables";
  if (guest_->shell("iptables -N PROBE 2>/dev/null && iptables -X PROBE") != 0) {
    GTEST_SKIP() << "this iptables has no tables in this kernel";
  }
  plug();
  EXPECT_FALSE(configure({cidr("10.2.1.1/24"), cidr("10.2.1.2/24"), cidr("10.2.2.1/24")}).unfiltered);
  auto const rules = [&](std::string const& count) {
    return guest_->shell("test $(iptables -S INPUT | grep -c -- '-i ethwe -j') = " + count);
  };
  EXPECT_EQ(rules("3"), 0);
  EXPECT_EQ(guest_->shell("iptables -S INPUT | tail -n 1 | grep -qx -- '-A INPUT -d 224.0.0.0/4 -i ethwe -j DROP'"), 0);
  WEAVE_ASSERT_OK(interface_->remove({address("10.2.1.1")}));
  EXPECT_EQ(rules("3"), 0);
  WEAVE_ASSERT_OK(interface_->remove({address("10.2.1.2")}));
  EXPECT_EQ(rules("2"), 0);
  WEAVE_ASSERT_OK(interface_->remove({address("10.2.2.1")}));
  EXPECT_EQ(rules("0"), 0);
}

TEST_F(AttachedInterfaceSystem, TheInterfaceGoesWithItsLastAddress) {
  plug();
  configure({cidr("10.2.1.1/24"), cidr("10.2.1.2/24"), cidr("10.2.2.1/24")});
  WEAVE_ASSERT_OK(interface_->remove({address("10.2.1.1"), address("10.9.9.9")}));
  EXPECT_EQ(view().at(0).addresses, (std::vector{cidr("10.2.2.1/24"), cidr("10.2.1.2/24")}));
  WEAVE_ASSERT_OK(interface_->remove({address("10.2.1.2"), address("10.2.2.1")}));
  EXPECT_FALSE(interface_->exists().value());
  EXPECT_EQ(host_->links().find("vethwepl4711").error().kind(), ErrorKind::not_found);
  WEAVE_ASSERT_OK(interface_->remove({address("10.2.1.2")}));
  plug();
  EXPECT_EQ(configure({cidr("10.2.1.1/24")}).addresses.size(), 1U);
}

TEST_F(AttachedInterfaceSystem, NothingStaysOfWhatFailed) {
  ASSERT_EQ(guest_->shell("ip link add ethwe type bridge"), 0);
  auto const plugged = host_->run([&] { return interface_->plug(*sandboxes_, host_->links(), kPid, "weave"); });
  EXPECT_FALSE(plugged);
  EXPECT_TRUE(host_->links().list("vethwep").value().empty());
}

TEST_F(AttachedInterfaceSystem, OnlyWhatHangsOnTheBridgeIsShown) {
  EXPECT_TRUE(view().empty());
  ASSERT_EQ(guest_->shell("ip link add other type veth peer name end"), 0);
  plug();
  ASSERT_EQ(view().size(), 1U);
  WEAVE_ASSERT_OK(host_->links().change("vethwepl4711", {.master = LinkIndex{0}}));
  EXPECT_TRUE(view().empty());
  auto const bridge = bridge_interface(host_->links(), "weave");
  EXPECT_EQ(bridge->mac.to_string(), "02:00:00:00:00:01");
  EXPECT_EQ(bridge_interface(host_->links(), "nothing").error().kind(), ErrorKind::not_found);
  EXPECT_TRUE(OverlayPorts::list(host_->links(), "nothing"));
}

} // namespace
} // namespace weave::datapath
