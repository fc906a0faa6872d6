#include <fmt/format.h>

#include "test/unit/ipam/mesh_simulation.hpp"
#include "test/unit/ipam/simulated_node.hpp"

namespace weave::test {

void MeshSimulation::stop_containers(std::size_t index) {
  for (auto const& [container, addresses] : std::map{nodes_[index]->containers}) {
    leave(index, container, Farewell::destroyed);
  }
}

void MeshSimulation::bury(std::size_t index) {
  kill(index);
  nodes_[index]->buried = true;
}

void MeshSimulation::take_over(std::size_t heir, PeerName from) {
  if (auto const taken = nodes_[heir]->peer->take_over(from); !taken) fault(taken.error().text());
}

void MeshSimulation::declare_undecided(std::size_t index) {
  for (auto const& node : nodes_) {
    if (!node->alive()) continue;
    for (auto const& part : owned_by(nodes_[index]->name, node->peer->ring())) undecided_.add(part);
  }
}

// Without a ring there is nothing to take over, and two peers of which one is gone never agree on one.
bool MeshSimulation::has_ring() const {
  for (auto const& node : nodes_) {
    if (node->alive() && node->peer->ring().tokens.empty()) return false;
  }
  return true;
}

std::size_t MeshSimulation::random_other(std::size_t index) {
  while (true) {
    auto const other = random_live_node();
    if (other != index) return other;
  }
}

void MeshSimulation::take_over_dead() {
  calm_down();
  if (!has_ring()) return;
  auto const dead = random_live_node();
  bury(dead);
  stop_containers(dead);
  take_over(random_live_node(), nodes_[dead]->name);
}

void MeshSimulation::retire(bool cut_off) {
  calm_down();
  if (!has_ring()) return;
  auto const index = random_live_node();
  auto const name = nodes_[index]->name;
  if (cut_off) nodes_[index]->group = 9;
  nodes_[index]->peer->shut_down();
  advance(std::chrono::milliseconds{500});
  bury(index);
  stop_containers(index);
  if (cut_off) take_over(random_live_node(), name);
  calm_down();
  for (auto const other : live_nodes()) {
    if (!owned_by(name, nodes_[other]->peer->ring()).empty()) fault("a peer that left still owns addresses");
  }
}

void MeshSimulation::return_from_the_dead(bool containers_live) {
  calm_down();
  if (!has_ring()) return;
  auto const dead = random_live_node();
  declare_undecided(dead);
  bury(dead);
  if (!containers_live) stop_containers(dead);
  take_over(random_live_node(), nodes_[dead]->name);
  run(std::chrono::minutes{1});
  nodes_[dead]->buried = false;
  guarded([&] { boot(dead); });
}

void MeshSimulation::take_over_twice() {
  calm_down();
  if (!has_ring()) return;
  auto const dead = random_live_node();
  auto const name = nodes_[dead]->name;
  declare_undecided(dead);
  bury(dead);
  stop_containers(dead);
  auto const first = random_live_node();
  if (live_nodes().size() < 2) return take_over(first, name);
  auto const second = random_other(first);
  for (auto& node : nodes_) node->group = static_cast<int>(random_.below(2));
  nodes_[first]->group = 0;
  nodes_[second]->group = 1;
  take_over(first, name);
  take_over(second, name);
}

void MeshSimulation::take_over_living() {
  calm_down();
  if (!has_ring()) return;
  auto const victim = random_live_node();
  declare_undecided(victim);
  nodes_[victim]->group = 9;
  take_over(random_other(victim), nodes_[victim]->name);
}

void MeshSimulation::lose_state() {
  calm_down();
  if (!has_ring()) return;
  auto const victim = random_live_node();
  kill(victim);
  nodes_[victim]->store.wipe();
  boot(victim);
}

void MeshSimulation::rename() {
  calm_down();
  if (!has_ring()) return;
  auto const index = random_live_node();
  auto& node = *nodes_[index];
  kill(index);
  auto const former = std::exchange(node.name, PeerName{0x200 + index});
  node.config.self = node.name;
  boot(index);
  advance(std::chrono::seconds{1});
  take_over(index, former);
}

void MeshSimulation::change_universe() {
  calm_down();
  for (std::size_t i = 0; i < nodes_.size(); ++i) kill(i);
  undecided_.add(universe_.range());
  auto const shift = static_cast<std::uint32_t>(random_.below(2)) * 64;
  universe_ = {Ipv4Address{0x0a200000} + shift, static_cast<int>(26 + random_.below(3))};
  undecided_.add(universe_.range());
  for (auto& node : nodes_) node->config.universe = node->config.default_subnet = universe_;
  for (std::size_t i = 0; i < nodes_.size(); ++i) boot(i);
}

} // namespace weave::test
