#include "controller/ipam/paxos.hpp"

#include <limits>
#include <map>

#include <gtest/gtest.h>

#include "controller/ipam/ring.hpp"
#include "test/unit/ipam/ipam_vectors.hpp"

namespace weave::controller::ipam {
namespace {

using namespace weave::test;

void run_step(std::map<std::string, PaxosNode>& nodes, boost::json::value const& step) {
  auto& node = nodes.at(text_of(step.at("node")));
  auto const op = text_of(step.at("op"));
  if (op == "propose") {
    node.propose();
  } else if (op == "update") {
    EXPECT_EQ(node.update(nodes.at(text_of(step.at("from"))).state()), step.at("changed").as_bool());
  } else if (op == "think") {
    EXPECT_EQ(node.think(), step.at("changed").as_bool());
  } else {
    ASSERT_EQ(op, "consensus");
    auto const value = node.consensus();
    ASSERT_EQ(value.has_value(), step.at("reached").as_bool());
    if (value) {
      EXPECT_EQ(normalise_seeds(*value), peers_of(step.at("value_sorted_dedup")));
    }
  }
  if (auto const* const after = step.as_object().if_contains("state_after")) {
    EXPECT_EQ(node.state(), paxos_of(*after));
  }
}

TEST(Paxos, takes_the_steps_of_the_original) {
  for (auto const& item : ipam_group("paxos")) {
    std::map<std::string, PaxosNode> nodes;
    for (auto const& [letter, id] : item.at("nodes").as_object()) {
      auto& node = nodes.emplace(std::string{letter}, PaxosNode{node_of(id)}).first->second;
      node.set_quorum(number_of<std::uint32_t>(item.at("quorum").at(letter)));
    }
    int number = 0;
    for (auto const& step : item.at("steps").as_array()) {
      SCOPED_TRACE(text_of(item.at("name")) + " step " + std::to_string(number++));
      run_step(nodes, step);
    }
    ipam_file().covered("paxos/" + text_of(item.at("name")));
  }
}

TEST(Paxos, concludes_nothing_with_quorum_zero) {
  PaxosNode node{{PeerName{1}, 1}};
  node.propose();
  node.think();
  EXPECT_FALSE(node.consensus());
  EXPECT_FALSE(node.state().at({PeerName{1}, 1}).accepted.valid());
}

TEST(Paxos, survives_absurd_rounds_and_crowds) {
  auto const most = std::numeric_limits<std::uint64_t>::max();
  PaxosNode node{{PeerName{1}, 1}};
  node.set_quorum(2);
  PaxosState absurd;
  absurd[{PeerName{2}, 2}].promise = {most, {PeerName{2}, 2}};
  EXPECT_TRUE(node.update(absurd));
  node.propose();
  EXPECT_EQ(node.state().at(node.self()).promise.round, most);

  PaxosState crowd;
  for (std::uint64_t uid = 0; uid < 10'000; ++uid) crowd[{PeerName{3}, uid}].promise = {1, {PeerName{3}, uid}};
  EXPECT_TRUE(node.update(crowd));
  EXPECT_LE(node.state().size(), 4096U);
}

} // namespace
} // namespace weave::controller::ipam
