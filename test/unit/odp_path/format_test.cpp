#include "datapath/odp/format.hpp"

#include <gtest/gtest.h>

#include "test/unit/odp_path/mesh_states.hpp"

namespace weave::datapath::odp {
namespace {

using namespace weave::test;

TEST(FlowText, OfMatches) {
  EXPECT_EQ(to_string(FlowMatch{.in_port = PortNo{3}}), "in_port(3),eth()");
  EXPECT_EQ(to_string(FlowMatch{.in_port = PortNo{3}}, {{PortNo{3}, "vethwe-user"}}), "in_port(vethwe-user),eth()");
  EXPECT_EQ(to_string(FlowMatch{.in_port = PortNo{1},
                                .source = MaskedMac::exactly(mac_of(1)),
                                .destination = {mac_of(2), MacAddress{{1, 0, 0, 0, 0, 0}}}}),
            "in_port(1),eth(src=02:00:00:00:01:01,dst=02:00:00:00:02:01/01:00:00:00:00:00)");
  EXPECT_EQ(to_string(FlowMatch{.in_port = PortNo{2}, .tunnel = tunnel_match(2, ids(2, 4))}),
            "tunnel(tun_id=0x104102,src=10.9.0.2,dst=10.9.0.1,flags(+key)),in_port(2),eth()");
  EXPECT_EQ(to_string(FlowMatch{.in_port = PortNo{2}, .vlan = VlanMatch{.id = 258}}),
            "in_port(2),eth(),eth_type(0x8100),vlan(vid=258),encap()");
  EXPECT_EQ(to_string(FlowMatch{.in_port = PortNo{2}, .vlan = VlanMatch{.inner_type = 0x88a8}}),
            "in_port(2),eth(),eth_type(0x8100),vlan(),encap(eth_type(0x88a8),vlan(),encap())");
}

TEST(FlowText, OfActions) {
  EXPECT_EQ(to_string(Actions{}), "drop");
  EXPECT_EQ(to_string(Actions{PushVlanAction{.type = 0x8100, .tci = 0x2103},
                              PushVlanAction{.type = 0x88a8, .tci = 0x0102}, OutputAction{PortNo{3}}, PopVlanAction{}}),
            "push_vlan(vid=259,pcp=1),push_vlan(tpid=0x88a8,vid=258,pcp=0),3,pop_vlan");
  EXPECT_EQ(to_string(Actions{SetTunnelAction{to_tunnel(2, ids(1, 2))}, OutputAction{PortNo{2}}}),
            "set(tunnel(tun_id=0x102101,src=10.9.0.1,dst=10.9.0.2,ttl=64,flags(df|key))),2");
}

} // namespace
} // namespace weave::datapath::odp
