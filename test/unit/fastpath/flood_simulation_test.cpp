#include <deque>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "datapath/fastpath/forwarding_planner.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/fastpath/topology.hpp"

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;
using test::Topology;
using test::TopologyRoutes;

ShortId id(PeerName name) { return ShortId{static_cast<std::uint16_t>(name.value())}; }

/// A mesh of random shape with a planner on each host. Kernels forward by the last state published, also while their
/// daemons restart.
class Mesh {
 public:
  explicit Mesh(std::uint64_t seed) : random_{seed} {
    auto const count = 2 + random_.below(7);
    for (std::uint64_t i = 1; i <= count; ++i) hosts_.try_emplace(PeerName{i});
    bool const full = random_.below(4) == 0;
    for (auto const& [a, host] : hosts_) {
      for (auto const& [b, other] : hosts_) {
        bool const in_chain = b.value() == a.value() + 1;
        if (a < b && (full || in_chain || random_.below(3) == 0)) topology_.add(a, b);
      }
    }
    for (auto& [name, host] : hosts_) start(name, host);
    tell_all();
  }

  void restart_some() {
    auto const count = 1 + random_.below(2);
    for (std::uint64_t i = 0; i < count; ++i) {
      auto const name = PeerName{1 + random_.below(hosts_.size())};
      restarting_.insert(name);
      auto const neighbours = topology_.neighbours(name);
      topology_.isolate(name);
      for (auto const neighbour : neighbours) {
        if (auto& planner = hosts_.at(neighbour).planner) planner->remove_neighbour(name);
      }
      hosts_.at(name).planner.reset();
    }
    scheduler_.advance(10ms);
    check("before the routes are known");
    tell_all();
  }

  /// Each host gets each broadcast once at most; those that a restart does not separate from the source, once.
  void check(std::string const& when) const {
    for (auto const& [source, host] : hosts_) {
      auto const received = flood(source);
      auto const connected = topology_.reachable(source);
      for (auto const& [name, copies] : received) {
        EXPECT_LE(copies, 1) << when << ": from " << source.value() << " to " << name.value();
        if (restarting_.empty() || (connected.contains(name) && connected.size() > 1)) {
          EXPECT_EQ(copies, 1) << when << ": from " << source.value() << " to " << name.value();
        }
      }
      for (auto const& [name, other] : hosts_) check_unicast(when, source, name);
    }
  }
  /// As check, where each host still has to get everything: in a full mesh nobody depends on others.
  void check_all() const {
    for (auto const& [source, host] : hosts_) {
      for (auto const& [name, copies] : flood(source)) EXPECT_EQ(copies, 1);
    }
  }
  [[nodiscard]] bool was_full() const { return was_full_; }

 private:
  struct Host {
    std::unique_ptr<ForwardingPlanner> planner;
    std::shared_ptr<ForwardingState const> kernel;
  };

  void start(PeerName name, Host& host) {
    host.planner = std::make_unique<ForwardingPlanner>(scheduler_, name, [&host](auto state) { host.kernel = state; });
    for (auto const neighbour : topology_.neighbours(name)) {
      host.planner->set_endpoints(neighbour, {Ipv4Address{1}, Ipv4Address{2}, 6784});
      host.planner->set_carrier(neighbour, Carrier::tunnel);
    }
    host.planner->settled();
    was_full_ = was_full_ && topology_.neighbours(name).size() == hosts_.size() - 1;
  }
  /// Routes and ids as the mesh has them everywhere; peers out of reach are forgotten.
  void tell_all() {
    for (auto& [name, host] : hosts_) {
      if (!host.planner) continue;
      std::map<ShortId, PeerName> owners;
      for (auto const peer : topology_.reachable(name)) owners[id(peer)] = peer;
      bool const ids_first = random_.below(2) == 0;
      if (ids_first) host.planner->set_short_ids(id(name), owners);
      host.planner->set_routes(std::make_shared<TopologyRoutes>(topology_, name));
      if (!ids_first) host.planner->set_short_ids(id(name), owners);
    }
    scheduler_.advance(10ms);
  }

  [[nodiscard]] std::map<PeerName, int> flood(PeerName source) const {
    std::map<PeerName, int> copies;
    for (auto const& [name, host] : hosts_) {
      if (name != source) copies[name] = 0;
    }
    std::deque<PeerName> at{source};
    for (int steps = 0; !at.empty() && steps < 1000; ++steps) {
      auto const& kernel = *hosts_.at(at.front()).kernel;
      at.pop_front();
      auto const list = kernel.floods.find(id(source));
      if (list == kernel.floods.end()) continue;
      for (auto const hop : list->second) {
        auto const& neighbour = kernel.neighbours.at(hop);
        if (neighbour.carrier != Carrier::tunnel || neighbour.name == source) continue;
        ++copies[neighbour.name];
        at.push_back(neighbour.name);
      }
    }
    EXPECT_TRUE(at.empty()) << "loop of broadcasts from " << source.value();
    return copies;
  }
  /// Frames arrive where there is a way at all, and never circle.
  void check_unicast(std::string const& when, PeerName source, PeerName destination) const {
    auto at = source;
    for (std::size_t steps = 0; at != destination; ++steps) {
      ASSERT_LE(steps, hosts_.size()) << when << ": loop from " << source.value() << " to " << destination.value();
      auto const& kernel = *hosts_.at(at).kernel;
      auto const hop = kernel.next_hops.find(id(destination));
      ASSERT_NE(hop, kernel.next_hops.end())
          << when << ": no way from " << source.value() << " to " << destination.value() << " at " << at.value();
      at = kernel.neighbours.at(hop->second).name;
    }
  }

  SeededRandom random_;
  test::VirtualScheduler scheduler_;
  std::map<PeerName, Host> hosts_;
  Topology topology_;
  std::set<PeerName> restarting_;
  bool was_full_ = true;
};

TEST(FloodSimulationTest, NothingArrivesTwiceOrGetsLostInARestart) {
  int full = 0;
  for (std::uint64_t seed = 1; seed <= 2000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Mesh mesh{seed};
    mesh.check("at rest");
    mesh.restart_some();
    mesh.check("in the restart");
    if (mesh.was_full()) {
      mesh.check_all();
      ++full;
    }
  }
  EXPECT_GT(full, 100);
}

} // namespace
} // namespace weave::datapath
