#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "test/unit/ipam/simulated_peer.hpp"

namespace weave::test {

struct SimulationOptions {
  /// Some of the peers follow the rules of the original.
  bool originals = false;
  bool wall_clock_jumps = true;
};

/// How much happened, so that a test can tell a busy run from an idle one.
struct SimulationCounts {
  int granted = 0;
  int refused = 0;
  int crashes = 0;
  int duplicates = 0;
  int links_dropped = 0;
  int drained = 0;
  /// Schedules that ended in a tie between originals, which nothing resolves.
  int original_ties = 0;

  SimulationCounts& operator+=(SimulationCounts const& other);
};

/// Several allocators in one process, on a mesh that delays, reorders, repeats and loses messages, splits and heals,
/// with disks that fill up and wall clocks that jump, and daemons that die between any two steps, or in the middle of a
/// write, and come back from what they had saved. Everything follows from the seed.
///
/// Watches over: no address held by two containers; no two peers whose rings give both of them an address; no election
/// with two results; no link dropped; every operation answered by its deadline, and what is not granted names the
/// reason; at the end one ring everywhere, and every address can be had again.
///
/// What no peer can decide. A peer is taken over although it, or a container of it, lives on: because it was only out
/// of reach, because it comes back from its old database, because two hosts took it over at once; or all peers change
/// to another range while containers keep the addresses of the old one. Then two peers may have handed out one address
/// before either could hear of the other, and no rule prevents that. These stories declare the addresses in question
/// *undecided*. There the simulation asks for something else: no silence and no lasting damage. After the mesh has come
/// to rest, the peer that does not own the address by the ring tells people of the conflict; what was not in use twice
/// has been given back by itself; and once one of each two containers is stopped, everything above holds again.
class MeshSimulation {
 public:
  explicit MeshSimulation(std::uint64_t seed, SimulationOptions options = {});
  ~MeshSimulation();

  /// Runs random events for this long.
  void run(Duration time);
  /// Heals everything, restarts who crashed, and lets the mesh come to rest.
  void calm_down();

  // Stories (mesh_stories.cpp). Each starts from rest and leaves the storm on.
  /// One peer dies for good, and another takes over its addresses.
  void take_over_dead();
  /// One peer hands everything over and leaves; cut off, it reaches nobody, and is taken over.
  void retire(bool cut_off);
  /// A dead peer is taken over and comes back from its old database, with its containers or without.
  void return_from_the_dead(bool containers_live);
  void take_over_twice();
  /// Taken over while it is only out of reach.
  void take_over_living();
  /// A daemon comes back without its database, but its containers run.
  void lose_state();
  /// A daemon comes back under another name, its containers run, and it takes over its former self.
  void rename();
  /// All daemons come back with another universe.
  void change_universe();

  /// Comes to rest and checks that nothing is lost (mesh_accounts.cpp). The simulation is over then.
  void finish();

  /// Texts of everything that went wrong; empty is good.
  [[nodiscard]] std::vector<std::string> const& faults() const { return faults_; }
  [[nodiscard]] SimulationCounts const& counts() const { return counts_; }
  /// Depends on every answer and its time.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }

 private:
  class Channel;
  class View;
  struct Node;
  struct Holder {
    std::size_t node;
    std::string container;

    friend auto operator<=>(Holder const&, Holder const&) = default;
  };
  struct Waiting {
    std::size_t node;
    TimePoint due;
    std::string what;
  };

  void boot(std::size_t index);
  void kill(std::size_t index);
  /// Runs something that may end in the crash of a daemon.
  void guarded(std::function<void()> const& step);
  void advance(Duration by);
  void random_event();
  void random_operation(std::size_t index);
  void operate(std::size_t index, std::optional<Ipv4Address> claimed, Duration deadline, bool cancel);
  void random_release(std::size_t index);
  void split();
  void heal();
  void gossip_round();
  void send_complete_state(std::size_t from, std::size_t to);
  void deliver(std::size_t from, std::size_t to, std::function<Result<void>(SimulatedPeer&)> handle);
  void on_answer(std::size_t index, std::string const& container, Result<Ipv4Address> const& result);
  void on_granted(std::size_t index, std::string const& container, Ipv4Address address);
  void check_reason(std::size_t index, std::string const& container, Error const& error);
  void check_invariants();
  [[nodiscard]] static std::vector<Ipv4Range> owned_by(PeerName peer, controller::ipam::RingState const& ring);
  void leave(std::size_t index, std::string const& container, Farewell how);
  void stop_containers(std::size_t index);
  /// The daemon is gone and does not come back by itself.
  void bury(std::size_t index);
  void take_over(std::size_t heir, PeerName from);
  [[nodiscard]] bool has_ring() const;
  [[nodiscard]] std::size_t random_other(std::size_t index);
  void declare_undecided(std::size_t index);

  [[nodiscard]] bool originals_tie() const;
  void check_reports();
  void stop_one_of_two();
  void settle_undecided();
  void release_everything();
  void check_nothing_lost();
  void check_same_rings();
  void drain();

  [[nodiscard]] std::vector<std::size_t> live_nodes() const;
  [[nodiscard]] std::size_t random_live_node();
  [[nodiscard]] bool connected(std::size_t a, std::size_t b) const;
  [[nodiscard]] std::optional<std::size_t> index_of(PeerName name) const;
  [[nodiscard]] Duration random_delay(int max_milliseconds);
  [[nodiscard]] bool one_in(std::uint64_t chances) { return random_.below(chances) == 0; }
  [[nodiscard]] bool is_undecided(Ipv4Address address) const { return undecided_.contains(address); }
  void fault(std::string text);

  VirtualScheduler clock_;
  SeededRandom random_;
  SimulationOptions options_;
  Ipv4Cidr universe_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<Ipv4Address, std::set<Holder>> held_;
  std::map<int, Waiting> waiting_;
  std::map<std::uint64_t, Timer> in_flight_;
  std::uint64_t next_message_ = 0;
  controller::ipam::IntervalSet undecided_;
  std::vector<std::string> faults_;
  SimulationCounts counts_;
  std::uint64_t digest_ = 0;
  int next_operation_ = 0;
  unsigned checks_ = 0;
  bool stormy_ = true;
};

} // namespace weave::test
