// A new process on a datapath that holds the flows of the one before.
#include <gtest/gtest.h>

#include "test/unit/odp_path/flow_keeping.hpp"

namespace weave::datapath::odp {
namespace {

TEST_F(FlowKeeping, ANewProcessChangesNothingOfARightFlow) {
  apply(full_mesh(3));
  plug_user_port();
  for (int peer = 2; peer <= 3; ++peer) {
    arrive(peer, ids(peer, 1), mac_of(peer), mac_of(1));
    send(mac_of(1), mac_of(peer));
  }
  send(mac_of(1), kBroadcast);
  auto const before = touched();
  auto const flows = kernel.flows();

  process.reset();
  start();
  EXPECT_EQ(process->macs.find(mac_of(1)), name_of(1));
  auto mesh = alone();
  mesh.settling = true;
  apply(mesh);
  EXPECT_EQ(touched(), before);
  join(mesh, 2);
  apply(mesh);
  EXPECT_EQ(process->macs.find(mac_of(2)), name_of(2));
  EXPECT_EQ(touched(), before);
  (void)went();
  send(mac_of(1), mac_of(3));
  send(mac_of(1), kBroadcast);
  EXPECT_EQ(went(), (Places{"2:1>2", "3:1>3", "3:1>3"}));
  join(mesh, 3);
  mesh.settling = false;
  apply(mesh);
  EXPECT_EQ(touched(), before);
  EXPECT_EQ(kernel.flows().size(), flows.size());
  EXPECT_EQ(kernel.flows().front().match, flows.front().match);
}

TEST_F(FlowKeeping, ANewProcessKeepsRelaysUntilTheMeshHasSettled) {
  apply(chain());
  arrive(2, ids(2, 4), mac_of(2), mac_of(4));
  process.reset();
  start();
  auto mesh = alone();
  mesh.settling = true;
  join(mesh, 2);
  apply(mesh);
  EXPECT_EQ(kernel.flows().size(), 1U);
  // Its destination is known, but there is no way to it yet.
  mesh.peers[id_of(4)] = name_of(4);
  apply(mesh);
  EXPECT_EQ(kernel.flows().size(), 1U);
  mesh.settling = false;
  apply(mesh);
  EXPECT_TRUE(kernel.flows().empty());
}

TEST_F(FlowKeeping, ANewProcessCorrectsWhatIsWrong) {
  apply(full_mesh(3));
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  arrive(3, ids(3, 1), mac_of(3), mac_of(1));
  send(mac_of(1), mac_of(2));
  send(mac_of(1), mac_of(3));
  process.reset();
  // Peer 2 has moved, peer 3 has left.
  start();
  auto mesh = full_mesh(2);
  mesh.settling = true;
  mesh.neighbours[id_of(2)].endpoints.remote = address_of(12);
  apply(mesh);
  (void)went();
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{"12:1>2"});
  send(mac_of(1), mac_of(3));
  EXPECT_EQ(went(), Places{"3:1>3"});
  mesh.settling = false;
  apply(mesh);
  send(mac_of(1), mac_of(3));
  EXPECT_EQ(went(), Places{"12:1>2"});
  for (auto const& flow : kernel.flows()) {
    EXPECT_FALSE(flow.match.tunnel && flow.match.tunnel->source == address_of(3) && !flow.actions.empty());
  }
}

TEST_F(FlowKeeping, ANewProcessRemovesFlowsOfForeignShape) {
  process.reset();
  FlowMatch const odd{.in_port = PortNo{1}, .source = {mac_of(1), MacAddress{{1, 0, 0, 0, 0, 0}}}};
  FlowMatch const acting{.in_port = PortNo{1}, .source = MaskedMac::exactly(mac_of(1))};
  FlowMatch const gone{.in_port = PortNo{9}};
  kernel.put_foreign_flow({.match = odd, .ufid = ufid_of(odd)});
  kernel.put_foreign_flow({.match = acting, .actions = {RawAttribute{.type = 9}}, .ufid = ufid_of(acting)});
  kernel.put_foreign_flow({.match = gone, .ufid = ufid_of(gone)});
  kernel.put_foreign_flow({.match = {.in_port = PortNo{2}}});
  start();
  EXPECT_TRUE(kernel.flows().empty());
}

TEST_F(FlowKeeping, ANewProcessPutsItsOwnUserPortIntoOldFlows) {
  plug_user_port();
  auto mesh = alone();
  join(mesh, 2, Carrier::user);
  apply(mesh);
  process->macs.record_remote(mac_of(2), name_of(2), scheduler.now());
  send(mac_of(1), mac_of(2));
  process.reset();
  kernel.remove_device(kUser);
  kernel.add_device("other");
  kernel.add_device(kUser);
  start();
  EXPECT_TRUE(process->datapath->add_port({.name = "other"}));
  look();
  (void)went();
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{"other"});
  plug_user_port();
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{kUser});
}

} // namespace
} // namespace weave::datapath::odp
