#include "base/address.hpp"

#include <gtest/gtest.h>

namespace weave {
namespace {

TEST(Ipv4Cidr, knows_its_range_and_host_range) {
  auto const cidr = Ipv4Cidr::parse_subnet("10.32.0.0/12").value();
  EXPECT_EQ(cidr.range().to_string(), "10.32.0.0-10.47.255.255");
  EXPECT_EQ(cidr.host_range().to_string(), "10.32.0.1-10.47.255.254");
  EXPECT_EQ(cidr.size(), 1U << 20);
}

TEST(Ipv4Cidr, says_what_is_wrong) {
  EXPECT_EQ(Ipv4Cidr::parse("10.0.0.0").error().text(), "invalid CIDR address: 10.0.0.0");
  EXPECT_EQ(Ipv4Cidr::parse("10.0.0.0/33").error().text(), "invalid CIDR address: 10.0.0.0/33");
  EXPECT_EQ(Ipv4Cidr::parse("10.0.0.0/").error().text(), "invalid CIDR address: 10.0.0.0/");
  EXPECT_EQ(Ipv4Cidr::parse("10.0.0.0/+8").error().text(), "invalid CIDR address: 10.0.0.0/+8");
  EXPECT_EQ(Ipv4Cidr::parse("fe80::1/64").error().text(), "invalid Non-IPv4 address not supported: fe80::1/64");
  EXPECT_EQ(Ipv4Cidr::parse_subnet("10.0.0.1/24").error().text(),
            "invalid subnet - bits after network prefix are not all zero: 10.0.0.1/24");
  EXPECT_EQ(Ipv4Cidr::parse_subnet("10.0.0.1/31").error().text(),
            "invalid subnet - smaller than minimum size 4: 10.0.0.1/31");
}

TEST(Ipv4Cidr, masks_every_prefix_length) {
  EXPECT_EQ(Ipv4Cidr::parse("10.1.2.3/0").value().network().to_string(), "0.0.0.0/0");
  EXPECT_EQ(Ipv4Cidr::parse("10.1.2.3/32").value().network().to_string(), "10.1.2.3/32");
  EXPECT_EQ(Ipv4Cidr::parse("10.1.2.3/20").value().network().to_string(), "10.1.0.0/20");
}

TEST(MacAddress, parses_what_it_prints) {
  auto const mac = MacAddress::parse("7a:9f:eb:b6:0c:02").value();
  EXPECT_EQ(mac.to_string(), "7a:9f:eb:b6:0c:02");
  EXPECT_FALSE(mac.is_group());
  EXPECT_TRUE(MacAddress::parse("ff:ff:ff:ff:ff:ff").value().is_group());
  for (auto const* bad : {"", "7a:9f:eb:b6:0c", "7a:9f:eb:b6:0c:0g", "7a-9f-eb-b6-0c-02", "7a:9f:eb:b6:0c:021"}) {
    EXPECT_FALSE(MacAddress::parse(bad)) << bad;
  }
}

} // namespace
} // namespace weave
