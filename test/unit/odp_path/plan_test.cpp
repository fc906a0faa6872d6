#include "datapath/odp/plan.hpp"

#include <gtest/gtest.h>

#include "test/unit/odp_path/mesh_states.hpp"

namespace weave::datapath::odp {
namespace {

using namespace weave::test;

constexpr PortNo kBridge{1};
constexpr PortNo kUser{2};
constexpr PortNo kTunnel{3};

using Push = PushVlanAction;
using Output = OutputAction;

SetTunnelAction set(int peer) { return {to_tunnel(peer, ids(1, peer))}; }

TEST(Plan, OfNothingIsNoAction) { EXPECT_TRUE(actions_of(Plan{.untag = true}).empty()); }

TEST(Plan, LocalCopiesComeFirstTunnelsLast) {
  Plan const plan{.local = {kBridge},
                  .user_port = kUser,
                  .user = {{.destination = id_of(4), .flooded = true}},
                  .tunnels = {{kTunnel, set(2).tunnel}, {kTunnel, set(3).tunnel}}};
  Actions const expected{Output{kBridge}, Push{.type = 0x8100, .tci = 0x2104},
                         Output{kUser},   PopVlanAction{},
                         set(2),          Output{kTunnel},
                         set(3),          Output{kTunnel}};
  EXPECT_EQ(actions_of(plan), expected);
}

TEST(Plan, TheLastCopyKeepsItsTags) {
  Plan const plan{.user_port = kUser, .user = {{.source = id_of(2), .destination = id_of(3)}}};
  Actions const expected{Push{.type = 0x8100, .tci = 0x0103}, Push{.type = 0x88a8, .tci = 0x0102}, Output{kUser}};
  EXPECT_EQ(actions_of(plan), expected);
}

TEST(Plan, LeavesOutUserCopiesWithoutAUserPort) {
  Plan const plan{.local = {kBridge}, .user = {{.destination = id_of(4)}}};
  EXPECT_EQ(actions_of(plan), Actions{Output{kBridge}});
}

TEST(Plan, TakesTheWorkersTagOffFirst) {
  Plan const plan{.untag = true, .local = {kBridge}};
  EXPECT_EQ(actions_of(plan), (Actions{PopVlanAction{}, Output{kBridge}}));
}

TEST(Plan, IsReadBackFromItsActions) {
  Plan const all{.untag = true,
                 .local = {kBridge, PortNo{7}},
                 .user_port = kUser,
                 .user = {{.destination = id_of(4), .flooded = true},
                          {.source = id_of(2), .destination = id_of(5), .flooded = true},
                          {.source = id_of(2), .destination = id_of(6)}},
                 .tunnels = {{kTunnel, set(2).tunnel}, {PortNo{9}, set(3).tunnel}}};
  EXPECT_EQ(plan_of(actions_of(all)), all);
  auto last_is_user = all;
  last_is_user.tunnels.clear();
  EXPECT_EQ(plan_of(actions_of(last_is_user)), last_is_user);
  EXPECT_EQ(plan_of({}), Plan{});
}

TEST(Plan, IsNotReadFromForeignActions) {
  EXPECT_FALSE(plan_of({RawAttribute{.type = 9}}));
  EXPECT_FALSE(plan_of({set(2)}));
  EXPECT_FALSE(plan_of({set(2), set(3), Output{kTunnel}}));
  EXPECT_FALSE(plan_of({Push{.type = 0x8100, .tci = 1}}));
  EXPECT_FALSE(plan_of({Push{.type = 0x88a8, .tci = 1}, Output{kUser}}));
  EXPECT_FALSE(plan_of({Push{.type = 0x8100, .tci = 1}, Output{kUser}, Output{kBridge}}));
  EXPECT_FALSE(plan_of({Push{}, Push{}, Output{kUser}}));
  EXPECT_FALSE(plan_of({Push{}, Push{}, Push{}, Output{kUser}}));
  EXPECT_FALSE(plan_of({PopVlanAction{}, PopVlanAction{}, Output{kBridge}}));
  EXPECT_FALSE(plan_of({Output{kBridge}, PopVlanAction{}, Output{kBridge}}));
  EXPECT_FALSE(plan_of({Push{.type = 0x8100, .tci = 1}, set(2), Output{kTunnel}}));
}

} // namespace
} // namespace weave::datapath::odp
