#pragma once

#include <cstdint>
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
#include "test/unit/ipam/allocator_fakes.hpp"

namespace weave::test {

/// Several allocators in one process, on a mesh that delays, reorders and loses messages, splits and heals, with
/// daemons that crash between any two steps and come back from what they had saved. Everything follows from the seed.
///
/// Watches over: no address held by two containers; no two peers whose rings give both of them an address; no election
/// with two results; every operation answered by its deadline.
class MeshSimulation {
 public:
  explicit MeshSimulation(std::uint64_t seed);
  ~MeshSimulation();

  /// Runs random events for this long.
  void run(Duration time);
  /// Heals everything, restarts who crashed, and lets the mesh come to rest.
  void calm_down();
  /// One peer dies for good, and after a while another takes over its addresses.
  void bury_one();
  /// One peer hands everything over and leaves.
  void retire_one();
  void expect_same_rings();

  /// Texts of everything that went wrong; empty is good.
  [[nodiscard]] std::vector<std::string> const& faults() const { return faults_; }
  /// How much happened, so that a test can tell a busy run from an idle one.
  [[nodiscard]] int granted() const { return granted_; }
  [[nodiscard]] int refused() const { return refused_; }
  [[nodiscard]] int crashes() const { return crashes_; }

 private:
  class Node;
  class Channel;
  class View;
  struct Crash {
    std::size_t node;
  };
  struct Holder {
    std::size_t node;
    std::string container;
  };
  struct Waiting {
    std::size_t node;
    int life;
    TimePoint due;
    std::string what;
  };

  void boot(std::size_t index);
  void kill(std::size_t index);
  void remove_for_good(std::size_t index);
  void advance(Duration by);
  void random_event();
  void random_operation(std::size_t index);
  void random_release(std::size_t index);
  void split();
  void heal();
  void gossip_round();
  void send_complete_state(std::size_t from, std::size_t to);
  void deliver(std::size_t from, std::size_t to, std::function<Result<void>(controller::ipam::Allocator&)> handle);
  void on_granted(std::size_t index, std::string const& container, Ipv4Address address);
  void check_invariants();
  [[nodiscard]] std::size_t random_live_node();
  [[nodiscard]] bool connected(std::size_t a, std::size_t b) const;
  [[nodiscard]] std::optional<std::size_t> index_of(PeerName name) const;
  [[nodiscard]] Duration random_delay(int max_milliseconds);
  void fault(std::string text);

  VirtualScheduler clock_;
  SeededRandom random_;
  Ipv4Cidr universe_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<Ipv4Address, Holder> held_;
  std::map<int, Waiting> waiting_;
  std::vector<Timer> timers_;
  std::vector<std::string> faults_;
  int next_operation_ = 0;
  int granted_ = 0;
  int refused_ = 0;
  int crashes_ = 0;
  bool stormy_ = true;
};

} // namespace weave::test
