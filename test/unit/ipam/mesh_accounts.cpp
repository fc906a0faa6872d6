#include <algorithm>

#include <fmt/format.h>

#include "test/unit/ipam/mesh_simulation.hpp"
#include "test/unit/ipam/simulated_node.hpp"

namespace weave::test {
namespace {

std::string ring_text(controller::ipam::RingState const& ring) {
  std::string text;
  for (auto const& entry : ring.tokens) {
    text += fmt::format("{}:{:x}@{}/{} ", entry.token.to_string(), entry.peer.value(), entry.version, entry.free);
  }
  return text;
}

} // namespace

void MeshSimulation::finish() {
  calm_down();
  bool const forked = !undecided_.empty();
  settle_undecided();
  if (forked && originals_tie()) {
    ++counts_.original_ties;
    return;
  }
  check_same_rings();
  check_invariants();
  release_everything();
  check_nothing_lost();
  drain();
}

/// Two originals hold one token under the same version for different owners. They keep what they have for ever, and if
/// neither of them is the winner, nobody may make its entry newer for them (protocol/ipam-dns.md §17). Only after a
/// fork.
bool MeshSimulation::originals_tie() const {
  std::map<std::pair<Ipv4Address, std::uint32_t>, PeerName> owners;
  for (auto const i : live_nodes()) {
    if (!nodes_[i]->original) continue;
    for (auto const& entry : nodes_[i]->peer->ring().tokens) {
      if (owners.emplace(std::pair{entry.token, entry.version}, entry.peer).first->second != entry.peer) return true;
    }
  }
  return false;
}

/// People are told of every address that is in use twice, and of no other.
void MeshSimulation::check_reports() {
  for (auto const& [address, holders] : held_) {
    for (auto const& holder : holders) {
      auto const& node = *nodes_[holder.node];
      if (node.original || !universe_.range().contains(address)) continue;
      auto const owned = owned_by(node.name, node.peer->ring());
      bool const owner = std::ranges::any_of(owned, [&](Ipv4Range const& part) { return part.contains(address); });
      if (!owner && node.peer->conflict().empty()) {
        fault(fmt::format("{} of {} is in use although another peer owns it, and nobody is told", address.to_string(),
                          holder.node));
      }
    }
  }
  for (auto const i : live_nodes()) {
    if (nodes_[i]->original) continue;
    for (auto const address : nodes_[i]->peer->displaced()) {
      auto const holders = held_.find(address);
      bool const with_original =
          std::ranges::any_of(nodes_, [](auto const& node) { return node->alive() && node->original; });
      if (holders != held_.end() && (holders->second.size() > 1 || with_original)) continue;
      fault(fmt::format("{} is in use at {} alone, and was not given back", address.to_string(), i));
    }
  }
}

void MeshSimulation::stop_one_of_two() {
  for (auto const& [address, holders] : std::map{held_}) {
    auto left = holders.size();
    for (auto const& holder : holders) {
      if (left > 1 && (left == 2 || one_in(2))) {
        leave(holder.node, holder.container, Farewell::destroyed);
        --left;
      }
    }
  }
  // An original that holds on to a range of others refuses every ring until it is empty.
  for (auto const i : live_nodes()) {
    if (nodes_[i]->original) stop_containers(i);
  }
}

void MeshSimulation::settle_undecided() {
  if (undecided_.empty()) return;
  check_reports();
  stop_one_of_two();
  for (int pause = 0; pause < 2; ++pause) calm_down();
  undecided_ = {};
}

void MeshSimulation::check_same_rings() {
  std::optional<std::vector<std::pair<Ipv4Address, PeerName>>> first;
  std::string reference;
  for (auto const i : live_nodes()) {
    std::vector<std::pair<Ipv4Address, PeerName>> pieces;
    for (auto const& entry : nodes_[i]->peer->ring().tokens) pieces.emplace_back(entry.token, entry.peer);
    if (!first) {
      first = std::move(pieces);
      reference = ring_text(nodes_[i]->peer->ring());
    } else if (*first != pieces) {
      fault(fmt::format("the ring of {} differs after everything had calmed down: {}\n  instead of {}", i,
                        ring_text(nodes_[i]->peer->ring()), reference));
    }
  }
}

void MeshSimulation::release_everything() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) stop_containers(i);
  calm_down();
}

void MeshSimulation::check_nothing_lost() {
  if (!has_ring()) return;
  std::uint32_t free = 0;
  for (auto const i : live_nodes()) free += nodes_[i]->peer->free_addresses();
  if (free != universe_.size()) fault(fmt::format("{} of {} addresses are free in the end", free, universe_.size()));
}

/// Asks for more than there is: each address must come, and no more.
void MeshSimulation::drain() {
  auto const hosts = universe_.host_range().size();
  auto const before = counts_.granted;
  for (std::uint32_t i = 0; i < hosts + 2; ++i) {
    guarded(
        [&] { operate(random_live_node(), std::nullopt, std::chrono::seconds{options_.originals ? 300 : 60}, false); });
  }
  for (int round = 0; round < 40 && !waiting_.empty(); ++round) {
    advance(std::chrono::seconds{10});
    gossip_round();
  }
  auto const granted = static_cast<std::uint32_t>(counts_.granted - before);
  counts_.drained += static_cast<int>(granted);
  if (granted != hosts) fault(fmt::format("{} of {} addresses could be had again in the end", granted, hosts));
  if (!waiting_.empty()) fault("operations still open after the last address was given");
}

} // namespace weave::test
