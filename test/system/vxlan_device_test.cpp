#include "datapath/link/vxlan_device.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "test/system/scratch_namespace.hpp"

namespace weave::datapath {
namespace {

constexpr VxlanSpec spec() { return {.name = "vxlan-6784", .udp_port = 6784, .mtu = 1376}; }

/// Whether this kernel has VXLAN; the reason if not.
std::string missing_vxlan(test::ScratchNamespace& host) {
  auto const made = ensure_vxlan_device(host.links(), {.name = "probe", .udp_port = 6999, .mtu = 1376});
  if (!made) return made.error().text();
  (void)host.links().remove("probe");
  return {};
}

#define WEAVE_VXLAN_HOST(host)                    \
  WEAVE_SCRATCH_NAMESPACE(host);                  \
  auto const host##_lacks = missing_vxlan(*host); \
  if (!host##_lacks.empty()) GTEST_SKIP() << host##_lacks

TEST(VxlanDevice, IsMadeExternalUpWithOurMarkAndWithoutIPv6) {
  WEAVE_VXLAN_HOST(host);
  auto const made = ensure_vxlan_device(host->links(), spec());
  WEAVE_ASSERT_OK(made);
  EXPECT_EQ(made->name, vxlan_device_name(6784));
  EXPECT_EQ(made->mtu, 1376);
  EXPECT_TRUE(made->up);
  EXPECT_EQ(made->kind, "vxlan");
  EXPECT_EQ(host->shell("ip -d link show vxlan-6784 | grep external | grep 'dstport 6784' | grep nolearning "
                        "| grep noudpcsum | grep -q 'addrgenmode none'"),
            0);
  EXPECT_EQ(host->shell("ip -d link show vxlan-6784 | grep -q 'alias weave'"), 0);
  EXPECT_EQ(host->shell("test -z \"$(ip -6 addr show dev vxlan-6784)\""), 0);
}

TEST(VxlanDevice, IsAdoptedAndItsMtuFollows) {
  WEAVE_VXLAN_HOST(host);
  auto const first = ensure_vxlan_device(host->links(), spec());
  WEAVE_ASSERT_OK(first);
  auto wider = spec();
  wider.mtu = 1450;
  auto const second = ensure_vxlan_device(host->links(), wider);
  WEAVE_ASSERT_OK(second);
  EXPECT_EQ(second->index, first->index);
  EXPECT_EQ(second->mtu, 1450);
  WEAVE_ASSERT_OK(host->links().change("vxlan-6784", {.up = false}));
  auto const third = ensure_vxlan_device(host->links(), wider);
  WEAVE_ASSERT_OK(third);
  EXPECT_TRUE(third->up);
  EXPECT_EQ(third->index, first->index);
}

TEST(VxlanDevice, AdoptsWhatAProcessDidNotLiveToMark) {
  WEAVE_VXLAN_HOST(host);
  ASSERT_EQ(host->shell("ip link add vxlan-6784 type vxlan external dstport 6784"), 0);
  WEAVE_ASSERT_OK(ensure_vxlan_device(host->links(), spec()));
  EXPECT_EQ(host->shell("ip -d link show vxlan-6784 | grep -q 'alias weave'"), 0);
}

TEST(VxlanDevice, RefusesTheNameOfSomethingElse) {
  for (std::string_view const command : {
           "ip link add vxlan-6784 type bridge",
           "ip link add vxlan-6784 type vxlan id 7 dstport 6784 remote 192.0.2.1",
           "ip link add vxlan-6784 type vxlan external dstport 4789",
           "ip link add vxlan-6784 type vxlan external dstport 6784 && ip link set vxlan-6784 up",
       }) {
    WEAVE_VXLAN_HOST(host);
    ASSERT_EQ(host->shell(std::string{command}), 0);
    auto const index = host->links().find("vxlan-6784")->index;
    auto const refused = ensure_vxlan_device(host->links(), spec());
    ASSERT_FALSE(refused) << command;
    EXPECT_EQ(refused.error().kind(), ErrorKind::already_exists);
    EXPECT_NE(refused.error().text().find("interface \"vxlan-6784\" exists and "), std::string::npos);
    EXPECT_EQ(host->links().find("vxlan-6784")->index, index) << "untouched";
  }
}

TEST(VxlanDevice, NamesTheUdpPortThatSomebodyElseHas) {
  for (std::string_view const command : {
           "ip link add flannel type vxlan id 1 dstport 6784 && ip link set flannel up",
           "ip link add other type vxlan external dstport 6784 && ip link set other up",
       }) {
    WEAVE_VXLAN_HOST(host);
    ASSERT_EQ(host->shell(std::string{command}), 0);
    auto const refused = ensure_vxlan_device(host->links(), spec());
    ASSERT_FALSE(refused) << command;
    EXPECT_EQ(refused.error().kind(), ErrorKind::already_exists);
    EXPECT_EQ(refused.error().text(), "UDP port 6784 is in use by somebody else");
    EXPECT_FALSE(host->links().find("vxlan-6784")) << "nothing stays";
  }
}

TEST(VxlanDevice, NamesTheUdpPortThatAProcessHas) {
  WEAVE_VXLAN_HOST(host);
  UniqueFd socket;
  (void)host->run([&]() -> Result<void> {
    socket.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return {};
  });
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(6784);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address), 0);
  auto const refused = ensure_vxlan_device(host->links(), spec());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::already_exists);
  EXPECT_EQ(refused.error().text(), "UDP port 6784 is in use by somebody else");
  EXPECT_FALSE(host->links().find("vxlan-6784"));
  socket.reset();
  WEAVE_ASSERT_OK(ensure_vxlan_device(host->links(), spec()));
}

TEST(VxlanDevice, ABridgePortCanBeIsolated) {
  WEAVE_VXLAN_HOST(host);
  WEAVE_ASSERT_OK(ensure_vxlan_device(host->links(), spec()));
  ASSERT_EQ(host->shell("ip link add weave type bridge && ip link set vxlan-6784 master weave"), 0);
  WEAVE_ASSERT_OK(host->links().change_port("vxlan-6784", {.isolated = true}));
  EXPECT_EQ(host->shell("bridge -d link show dev vxlan-6784 | grep -q 'isolated on'"), 0);
  WEAVE_ASSERT_OK(host->links().change_port("vxlan-6784", {.isolated = false}));
  EXPECT_EQ(host->shell("bridge -d link show dev vxlan-6784 | grep -q 'isolated off'"), 0);
}

} // namespace
} // namespace weave::datapath
