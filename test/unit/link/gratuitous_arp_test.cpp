#include "datapath/link/gratuitous_arp.hpp"

#include <gtest/gtest.h>

#include "datapath/link/links.hpp"
#include "datapath/link/overlay_bridge.hpp"

namespace weave::datapath {
namespace {

TEST(GratuitousArp, NamesItselfTwiceAndGoesToEverybody) {
  auto const mac = MacAddress::parse("02:11:22:33:44:55");
  auto const frame = gratuitous_arp_frame(*mac, Ipv4Address{0x0a200001});
  EXPECT_EQ(to_hex(frame),
            "ffffffffffff0211223344550806"
            "0001080006040001"
            "0211223344550a200001"
            "ffffffffffff0a200001");
}

TEST(LinkName, IsWhatTheKernelTakes) {
  EXPECT_TRUE(check_link_name("weave"));
  EXPECT_TRUE(check_link_name("vethwl123456789"));
  for (auto const* bad : {"", "vethwl1234567890", "a/b", "a:b", "a b", "a\n", ".", ".."}) {
    auto const result = check_link_name(bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().kind(), ErrorKind::out_of_range);
  }
}

TEST(BridgeMac, IsThePeerNameWhenThatIsAUnicastAddress) {
  EXPECT_EQ(bridge_mac(PeerName{0x7a'b1'c2'd3'e4'f5}).to_string(), "7a:b1:c2:d3:e4:f5");
  EXPECT_EQ(bridge_mac(PeerName{1}).to_string(), "00:00:00:00:00:01");
  EXPECT_EQ(bridge_mac(PeerName{0x01'02'03'04'05'06}).to_string(), "02:02:03:04:05:06");
  EXPECT_EQ(bridge_mac(kUnknownPeer).to_string(), "02:00:00:00:00:00");
}

} // namespace
} // namespace weave::datapath
