#pragma once

#include "test/unit/ipam/mesh_simulation.hpp"

namespace weave::test {

class MeshSimulation::View final : public controller::ipam::MeshView {
 public:
  View(MeshSimulation& mesh, std::size_t self) : mesh_{mesh}, self_{self} {}
  [[nodiscard]] bool is_known(PeerName peer) const override {
    auto const index = mesh_.index_of(peer);
    return index && (*index == self_ || mesh_.connected(self_, *index));
  }
  [[nodiscard]] std::optional<std::string> nickname(PeerName) const override { return std::nullopt; }
  [[nodiscard]] std::vector<PeerName> reachable_peers() const override { return {}; }
  [[nodiscard]] std::string initial_peers() const override { return "some initial peers"; }

 private:
  MeshSimulation& mesh_;
  std::size_t self_;
};

class MeshSimulation::Channel final : public gossip::GossipChannel {
 public:
  Channel(MeshSimulation& mesh, std::size_t self) : mesh_{mesh}, self_{self} {}

  [[nodiscard]] Result<void> unicast(PeerName destination, Bytes payload) override;
  void broadcast(gossip::GossipData const& data) override;
  void gossip_neighbours(gossip::GossipData const&) override {}

 private:
  MeshSimulation& mesh_;
  std::size_t self_;
};

/// One host: its disk and its containers survive its daemon.
struct MeshSimulation::Node {
  PeerName name;
  bool original = false;
  controller::ipam::AllocatorConfig config;
  FaultStore store;
  std::unique_ptr<SeededRandom> random;
  std::unique_ptr<View> view;
  std::unique_ptr<Channel> channel;
  std::unique_ptr<SimulatedPeer> peer;
  int group = 0;
  int life = 0;
  bool buried = false;
  /// What runs there, whatever its daemon knows.
  std::map<std::string, std::set<Ipv4Address>> containers;

  [[nodiscard]] bool alive() const { return peer != nullptr; }
};

} // namespace weave::test
