#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "controller/ipam/allocator.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/ipam/fault_store.hpp"

namespace weave::test {

/// How a container leaves.
enum class Farewell { released, destroyed, died };

/// A daemon of the simulated mesh, ours or the original, from its start to its crash.
class SimulatedPeer {
 public:
  using Answer = std::function<void(Result<Ipv4Address>)>;

  virtual ~SimulatedPeer() = default;

  [[nodiscard]] virtual Result<void> on_unicast(PeerName source, ByteView payload) = 0;
  [[nodiscard]] virtual Result<void> on_broadcast(PeerName source, ByteView payload) = 0;
  [[nodiscard]] virtual Result<void> on_gossip(PeerName source, ByteView payload) = 0;
  [[nodiscard]] virtual std::vector<Bytes> complete_state() = 0;

  virtual controller::ipam::Operation allocate(std::string const& container, Duration deadline, Answer answer) = 0;
  virtual controller::ipam::Operation claim(std::string const& container, Ipv4Address address, Duration deadline,
                                            Answer answer) = 0;
  virtual void release(std::string const& container, Farewell how) = 0;
  [[nodiscard]] virtual Result<std::uint32_t> take_over(PeerName peer) = 0;
  virtual void shut_down() = 0;

  [[nodiscard]] virtual controller::ipam::RingState const& ring() const = 0;
  [[nodiscard]] virtual std::uint32_t free_addresses() const = 0;
  /// What people are told of a conflict; empty if there is none.
  [[nodiscard]] virtual std::string conflict() const = 0;
  /// In use here although the ring gives them to others.
  [[nodiscard]] virtual std::set<Ipv4Address> displaced() const = 0;
  /// Promises an answer to each operation by its deadline.
  [[nodiscard]] virtual bool keeps_deadlines() const = 0;
};

/// What a daemon finds when it starts.
struct PeerSurroundings {
  VirtualScheduler& scheduler;
  RandomSource& random;
  controller::ipam::MeshView& mesh;
  gossip::GossipChannel& channel;
  FaultStore& store;
  controller::ipam::AllocatorConfig config;
  /// Addresses of containers that run already.
  std::vector<controller::ipam::ReclaimedAddress> in_use;
};

[[nodiscard]] std::unique_ptr<SimulatedPeer> start_weave_peer(PeerSurroundings const& surroundings);

} // namespace weave::test
