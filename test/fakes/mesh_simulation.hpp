#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gossip/mesh_router.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/simulated_network.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::test {

/// A channel that remembers what it got: every distinct payload is news and is passed on.
class RecordingGossiper final : public gossip::Gossiper {
 public:
  class Texts final : public gossip::GossipData {
   public:
    explicit Texts(std::vector<std::string> texts) : texts_{std::move(texts)} {}
    [[nodiscard]] std::vector<Bytes> encode() const override;
    void merge(GossipData const& newer) override;
    [[nodiscard]] std::unique_ptr<GossipData> clone() const override { return std::make_unique<Texts>(*this); }

   private:
    std::vector<std::string> texts_;
  };

  [[nodiscard]] std::unique_ptr<gossip::GossipData> complete_state() override;
  [[nodiscard]] Result<void> on_unicast(PeerName source, ByteView payload) override;
  [[nodiscard]] Result<std::unique_ptr<gossip::GossipData>> on_broadcast(PeerName source, ByteView payload) override;
  [[nodiscard]] Result<std::unique_ptr<gossip::GossipData>> on_gossip(PeerName source, ByteView payload) override;

  std::vector<std::pair<PeerName, std::string>> unicasts;
  std::vector<std::pair<PeerName, std::string>> broadcasts;
  std::vector<std::pair<PeerName, std::string>> gossips;
  std::vector<std::string> state;
  /// Answer everything received with this error.
  std::string refusal;
};

/// One peer with its own host, log and (unless it is told otherwise) null overlay.
struct SimulatedPeer {
  std::string ip;
  std::unique_ptr<gossip::Transport> transport;
  std::unique_ptr<gossip::Overlay> overlay;
  std::shared_ptr<LogRecorder> log = std::make_shared<LogRecorder>();
  std::unique_ptr<gossip::MeshRouter> router;
};

/// Any number of mesh peers in virtual time. Peer number n is named 7a:00:00:00:<n high>:<n low> and lives at
/// 10.0.<n high>.<n low>.
class MeshSimulation {
 public:
  explicit MeshSimulation(std::uint64_t seed) : random{seed}, network{scheduler, seed + 1} {}

  [[nodiscard]] static PeerName name(std::uint32_t number) { return PeerName{0x7a00'0000'0000ULL + number}; }
  [[nodiscard]] static std::string ip(std::uint32_t number);
  [[nodiscard]] static std::string address(std::uint32_t number) { return ip(number) + ":6783"; }

  /// Starts a peer; name, nickname and host follow from the number unless they are given.
  gossip::MeshRouter& add(std::uint32_t number, gossip::MeshSettings settings = {}, std::string host = {});
  /// Makes the peer without starting it, for channels to be registered first.
  gossip::MeshRouter& make(std::uint32_t number, gossip::MeshSettings settings = {}, std::string host = {});
  void remove(std::uint32_t number) { peers.erase(number); }
  void connect(std::uint32_t from, std::uint32_t to) { (void)at(from).initiate({address(to)}, false); }
  [[nodiscard]] gossip::MeshRouter& at(std::uint32_t number) { return *peers.at(number)->router; }
  [[nodiscard]] LogRecorder& log(std::uint32_t number) { return *peers.at(number)->log; }
  void advance(Duration by) { scheduler.advance(by); }

  /// Number of connections in state established that peer `number` has in its record.
  [[nodiscard]] std::size_t established(std::uint32_t number);
  /// Why the tables of the peers differ from each other or from the truth; empty if all agree.
  [[nodiscard]] std::string disagreement();
  /// Advances until all agree; the virtual time it took, or `limit`.
  Duration converge(Duration limit);

  VirtualScheduler scheduler;
  SeededRandom random;
  SimulatedNetwork network;
  std::map<std::uint32_t, std::unique_ptr<SimulatedPeer>> peers;
};

} // namespace weave::test
