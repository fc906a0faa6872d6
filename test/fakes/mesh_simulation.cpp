#include "test/fakes/mesh_simulation.hpp"

#include <algorithm>
#include <utility>

namespace weave::test {

std::vector<Bytes> RecordingGossiper::Texts::encode() const {
  std::vector<Bytes> payloads;
  for (auto const& text : texts_) payloads.emplace_back(text.begin(), text.end());
  return payloads;
}

void RecordingGossiper::Texts::merge(GossipData const& newer) {
  for (auto const& text : static_cast<Texts const&>(newer).texts_) {
    if (std::find(texts_.begin(), texts_.end(), text) == texts_.end()) texts_.push_back(text);
  }
}

std::unique_ptr<gossip::GossipData> RecordingGossiper::complete_state() {
  return state.empty() ? nullptr : std::make_unique<Texts>(state);
}

Result<void> RecordingGossiper::on_unicast(PeerName source, ByteView payload) {
  if (!refusal.empty()) return failure(ErrorKind::refused, refusal);
  unicasts.emplace_back(source, as_text(payload));
  return {};
}

Result<std::unique_ptr<gossip::GossipData>> RecordingGossiper::on_broadcast(PeerName source, ByteView payload) {
  if (!refusal.empty()) return failure(ErrorKind::refused, refusal);
  broadcasts.emplace_back(source, as_text(payload));
  return std::make_unique<Texts>(std::vector{std::string{as_text(payload)}});
}

Result<std::unique_ptr<gossip::GossipData>> RecordingGossiper::on_gossip(PeerName source, ByteView payload) {
  if (!refusal.empty()) return failure(ErrorKind::refused, refusal);
  std::string const text{as_text(payload)};
  gossips.emplace_back(source, text);
  if (std::find(state.begin(), state.end(), text) != state.end()) return nullptr;
  state.push_back(text);
  return std::make_unique<Texts>(std::vector{text});
}

std::string MeshSimulation::ip(std::uint32_t number) {
  return "10.0." + std::to_string(number >> 8) + "." + std::to_string(number & 0xff);
}

gossip::MeshRouter& MeshSimulation::make(std::uint32_t number, gossip::MeshSettings settings, std::string host) {
  auto peer = std::make_unique<SimulatedPeer>();
  peer->ip = host.empty() ? ip(number) : std::move(host);
  peer->transport = network.host(peer->ip);
  peer->overlay = gossip::make_null_overlay();
  if (settings.name.is_unknown()) settings.name = name(number);
  if (settings.nickname.empty()) settings.nickname = "p" + std::to_string(number);
  peer->router = std::make_unique<gossip::MeshRouter>(
      std::move(settings), gossip::MeshPorts{scheduler, random, *peer->transport, *peer->overlay}, Logger{peer->log});
  auto& router = *peer->router;
  peers.insert_or_assign(number, std::move(peer));
  return router;
}

gossip::MeshRouter& MeshSimulation::add(std::uint32_t number, gossip::MeshSettings settings, std::string host) {
  auto& router = make(number, std::move(settings), std::move(host));
  (void)router.start().value();
  return router;
}

std::size_t MeshSimulation::established(std::uint32_t number) {
  auto const& connections = at(number).find_peer(at(number).name())->connections;
  return static_cast<std::size_t>(
      std::count_if(connections.begin(), connections.end(), [](auto const& each) { return each.second.established; }));
}

std::string MeshSimulation::disagreement() {
  for (auto const& [number, peer] : peers) {
    auto const names = peer->router->peers();
    if (names.size() != peers.size()) {
      return "peer " + std::to_string(number) + " knows " + std::to_string(names.size()) + " peers";
    }
    for (auto const& [other, truth] : peers) {
      auto const* const known = peer->router->find_peer(truth->router->name());
      auto const* const real = truth->router->find_peer(truth->router->name());
      if (known == nullptr || *known != *real) {
        return "peer " + std::to_string(number) + " is wrong about " + std::to_string(other);
      }
    }
  }
  return {};
}

Duration MeshSimulation::converge(Duration limit) {
  auto const start = scheduler.now();
  constexpr Duration kStep = std::chrono::milliseconds{100};
  while (!disagreement().empty() && scheduler.now() - start < limit) advance(kStep);
  return scheduler.now() - start;
}

} // namespace weave::test
