#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "controller/ipam/allocator.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::test {

/// Keeps what was saved as a database would, and fails when told to.
class MemoryIpamStore final : public controller::ipam::IpamStore {
 public:
  [[nodiscard]] Result<controller::ipam::StoredIpam> load() override {
    controller::ipam::StoredIpam stored{state, {}};
    for (auto const& [id, text] : owned) stored.owned.emplace_back(id, text);
    return stored;
  }
  [[nodiscard]] Result<void> save(controller::ipam::IpamChange const& change) override {
    ++saves;
    if (on_save) on_save();
    if (failing) return failure(ErrorKind::system, "disk full");
    if (change.state) state = *change.state;
    for (auto const& [id, text] : change.owned) {
      if (text) {
        owned[id] = *text;
      } else {
        owned.erase(id);
      }
    }
    return {};
  }

  Bytes state;
  std::map<std::string, std::string> owned;
  std::function<void()> on_save;
  bool failing = false;
  int saves = 0;
};

class FakeMeshView final : public controller::ipam::MeshView {
 public:
  [[nodiscard]] bool is_known(PeerName peer) const override { return everybody_known || known.contains(peer); }
  [[nodiscard]] std::optional<std::string> nickname(PeerName) const override { return std::nullopt; }
  [[nodiscard]] std::vector<PeerName> reachable_peers() const override { return {known.begin(), known.end()}; }
  [[nodiscard]] std::string initial_peers() const override { return initial; }

  bool everybody_known = false;
  std::set<PeerName> known;
  std::string initial;
};

/// What the allocator sent, in order; no destination means a broadcast.
struct SentMessage {
  std::optional<PeerName> destination;
  Bytes payload;
};

class RecordingChannel final : public gossip::GossipChannel {
 public:
  [[nodiscard]] Result<void> unicast(PeerName destination, Bytes payload) override {
    if (unreachable.contains(destination)) {
      return failure(ErrorKind::unavailable, "unknown relay destination: " + destination.to_string());
    }
    sent.push_back({destination, std::move(payload)});
    return {};
  }
  void broadcast(gossip::GossipData const& data) override {
    auto const payloads = data.encode();
    sent.push_back({std::nullopt, payloads.empty() ? Bytes{} : payloads.front()});
  }
  void gossip_neighbours(gossip::GossipData const&) override {}

  std::set<PeerName> unreachable;
  std::vector<SentMessage> sent;
};

/// Peer 1, "one", the only one that there is: it forms its ring alone.
inline controller::ipam::AllocatorConfig lone_peer() {
  auto const universe = Ipv4Cidr::parse("10.32.0.0/12").value();
  return {.self = PeerName{1},
          .nickname = "one",
          .uid = PeerUid{7},
          .universe = universe,
          .default_subnet = universe,
          .formation = {},
          .quorum = [] { return std::uint32_t{1}; }};
}

/// An allocator with everything around it. The store may be shared by successive incarnations.
struct AllocatorRig {
  AllocatorRig(controller::ipam::AllocatorConfig config, VirtualScheduler& clock,
               std::shared_ptr<MemoryIpamStore> stored = std::make_shared<MemoryIpamStore>())
      : scheduler{clock}, store{std::move(stored)} {
    mesh.everybody_known = true;
    allocator = std::make_unique<controller::ipam::Allocator>(
        std::move(config), controller::ipam::AllocatorPorts{scheduler, random, mesh, *store, Logger{log}});
    allocator->attach(channel);
  }

  VirtualScheduler& scheduler;
  std::shared_ptr<MemoryIpamStore> store;
  SeededRandom random{1};
  FakeMeshView mesh;
  RecordingChannel channel;
  std::shared_ptr<LogRecorder> log = std::make_shared<LogRecorder>();
  std::unique_ptr<controller::ipam::Allocator> allocator;
};

/// Where a completion leaves its result.
template <class T>
struct Answered {
  std::optional<Result<T>> result;

  [[nodiscard]] std::function<void(Result<T>)> take() {
    return [this](Result<T> value) { result = std::move(value); };
  }
  [[nodiscard]] bool done() const { return result.has_value(); }
  [[nodiscard]] std::string error() const {
    return !result ? "(none yet)" : *result ? "(success)" : result->error().text();
  }
};

} // namespace weave::test
