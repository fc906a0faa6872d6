#include <cstring>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <gtest/gtest.h>

#include "datapath/link/isolation_script.hpp"
#include "datapath/link/nftables_watch.hpp"

namespace weave::datapath {
namespace {

Ipv4Cidr const kBlue = Ipv4Cidr::parse("10.40.0.0/16").value();
Ipv4Cidr const kRed = Ipv4Cidr::parse("10.41.0.0/16").value();

IsolatedNetworks networks(std::set<std::string> blue, std::set<std::string> red) {
  auto const mac = [](char const* text) { return MacAddress::parse(text).value(); };
  return {
      {kBlue, {.first_mac = mac("02:77:0a:28:00:00"), .last_mac = mac("02:77:0a:28:ff:ff"), .ports = std::move(blue)}},
      {kRed, {.first_mac = mac("02:77:0a:29:00:00"), .last_mac = mac("02:77:0a:29:ff:ff"), .ports = std::move(red)}}};
}

TEST(IsolationScript, NamesPortsAndSubnets) {
  auto const script = isolation_script(networks({"vethwl1", "vethwl2"}, {}));
  EXPECT_TRUE(script.starts_with("add table bridge weave\ndelete table bridge weave\ntable bridge weave {\n"));
  EXPECT_NE(script.find("elements = { 10.40.0.0/16, 10.41.0.0/16 }"), std::string::npos);
  EXPECT_NE(script.find("map from { type ifname : verdict; elements = { \"vethwl1\" : goto from_10.40.0.0_16, "
                        "\"vethwl2\" : goto from_10.40.0.0_16 } }"),
            std::string::npos);
  EXPECT_NE(script.find("ip saddr 10.41.0.0/16 ip daddr { 10.41.0.0/16, 224.0.0.0/4, 255.255.255.255 } accept"),
            std::string::npos);
  EXPECT_EQ(isolation_script(networks({}, {})).find("elements = {  }"), std::string::npos);
}

TEST(IsolationScript, PortsComeAndGoOneByOne) {
  auto const before = networks({"vethwl1", "vethwl2"}, {});
  EXPECT_EQ(isolation_changes(before, before), "");
  EXPECT_EQ(isolation_changes(before, networks({"vethwl1", "vethwl2", "vethwl3"}, {})),
            "add element bridge weave from { \"vethwl3\" : goto from_10.40.0.0_16 }\n"
            "add element bridge weave to { \"vethwl3\" : goto to_10.40.0.0_16 }\n");
  EXPECT_EQ(isolation_changes(before, networks({"vethwl1"}, {"vethwl2"})),
            "delete element bridge weave from { \"vethwl2\" : goto from_10.40.0.0_16 }\n"
            "delete element bridge weave to { \"vethwl2\" : goto to_10.40.0.0_16 }\n"
            "add element bridge weave from { \"vethwl2\" : goto from_10.41.0.0_16 }\n"
            "add element bridge weave to { \"vethwl2\" : goto to_10.41.0.0_16 }\n");
  auto fewer = before;
  fewer.erase(kRed);
  EXPECT_EQ(isolation_changes(before, fewer), std::nullopt);
  EXPECT_EQ(isolation_changes(fewer, before), std::nullopt);
}

/// A notification about an object of a table, or the end of a transaction.
void append(Bytes& datagram, int message, std::uint8_t family, std::string_view table) {
  auto const name_size = static_cast<std::uint16_t>(NLA_HDRLEN + table.size() + 1);
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_HDRLEN + sizeof(nfgenmsg) + NLA_ALIGN(name_size));
  header.nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
  nfgenmsg const general{.nfgen_family = family, .version = 0, .res_id = 0};
  nlattr const attribute{.nla_len = name_size, .nla_type = NFTA_TABLE_NAME};
  auto const at = datagram.size();
  datagram.resize(at + NLMSG_ALIGN(header.nlmsg_len));
  auto* out = datagram.data() + at;
  std::memcpy(out, &header, sizeof header);
  std::memcpy(out + NLMSG_HDRLEN, &general, sizeof general);
  std::memcpy(out + NLMSG_HDRLEN + sizeof general, &attribute, sizeof attribute);
  std::memcpy(out + NLMSG_HDRLEN + sizeof general + NLA_HDRLEN, table.data(), table.size());
}

TEST(TableChanges, CountsTransactionsThatTouchTheTable) {
  TableChanges changes{{{.family = NFPROTO_BRIDGE, .name = "weave"}}};
  Bytes datagram;
  append(datagram, NFT_MSG_DELRULE, NFPROTO_BRIDGE, "weave");
  append(datagram, NFT_MSG_DELTABLE, NFPROTO_BRIDGE, "weave");
  changes.read(datagram);
  EXPECT_EQ(changes.take(), 0U) << "its end has not been told";
  datagram.clear();
  append(datagram, NFT_MSG_NEWGEN, NFPROTO_UNSPEC, "");
  append(datagram, NFT_MSG_NEWSETELEM, NFPROTO_BRIDGE, "weave");
  append(datagram, NFT_MSG_NEWGEN, NFPROTO_UNSPEC, "");
  changes.read(datagram);
  EXPECT_EQ(changes.take(), 2U);
  EXPECT_EQ(changes.take(), 0U);
}

TEST(TableChanges, PassesOverWhatIsNotOurs) {
  TableChanges changes{{{.family = NFPROTO_BRIDGE, .name = "weave"}}};
  Bytes datagram;
  append(datagram, NFT_MSG_NEWRULE, NFPROTO_IPV4, "weave");
  append(datagram, NFT_MSG_NEWRULE, NFPROTO_BRIDGE, "weave2");
  append(datagram, NFT_MSG_NEWGEN, NFPROTO_UNSPEC, "");
  changes.read(datagram);
  // Cut anywhere, it is read as far as it goes.
  append(datagram, NFT_MSG_NEWRULE, NFPROTO_BRIDGE, "weave");
  for (std::size_t size = 0; size < datagram.size(); ++size) changes.read(ByteView{datagram}.first(size));
  EXPECT_EQ(changes.take(), 0U);
}

} // namespace
} // namespace weave::datapath
