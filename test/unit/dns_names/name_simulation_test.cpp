#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "test/fakes/mesh_simulation.hpp"
#include "test/unit/dns_names/gossiper_fakes.hpp"
#include "test/unit/dns_names/name_vectors.hpp"

namespace weave::controller::dns {
namespace {

using namespace weave::test;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class RouterMembers final : public MeshMembers {
 public:
  explicit RouterMembers(gossip::MeshRouter& router) : router_{router} {}
  [[nodiscard]] bool is_known(PeerName peer) const override { return router_.knows(peer); }
  [[nodiscard]] std::vector<PeerName> members() const override { return router_.peers(); }

 private:
  gossip::MeshRouter& router_;
};

/// The host's own idea of time, shared with nobody.
class WrongClock final : public Scheduler {
 public:
  WrongClock(Scheduler& scheduler, Duration off) : scheduler_{scheduler}, off_{off} {}
  [[nodiscard]] TimePoint now() const override { return scheduler_.now(); }
  [[nodiscard]] WallTime wall_now() const override {
    return scheduler_.wall_now() + std::chrono::duration_cast<WallTime::duration>(off_);
  }
  [[nodiscard]] Timer after(Duration delay, std::function<void()> call) override {
    return scheduler_.after(delay, std::move(call));
  }
  void post(std::function<void()> call) override { scheduler_.post(std::move(call)); }

 private:
  Scheduler& scheduler_;
  Duration off_;
};

/// Real meshes of real gossipers in virtual time. Truth is what each peer itself has registered.
class NameMesh {
 public:
  explicit NameMesh(std::uint64_t seed) : mesh_{seed}, random_{seed + 7} {
    mesh_.network.set_latency(milliseconds{1}, milliseconds{20});
  }

  void add(std::uint32_t number, Duration clock_off = {}, gossip::MeshSettings settings = {}) {
    auto& router = mesh_.make(number, settings);
    auto& node = nodes_[number];
    node.clock = std::make_unique<WrongClock>(mesh_.scheduler, clock_off);
    node.members = std::make_unique<RouterMembers>(router);
    node.gossiper =
        std::make_unique<NameGossiper>(router.name(), NamePorts{.scheduler = *node.clock,
                                                                .random = random_,
                                                                .mesh = *node.members,
                                                                .log = Logger{mesh_.peers.at(number)->log}});
    auto* const gossiper = node.gossiper.get();
    gossiper->attach(router.register_channel(std::string{kNameChannel}, *gossiper));
    router.add_listeners({.on_peer_collected = [gossiper](PeerName peer) { gossiper->on_peer_gone(peer); }});
    gossiper->start();
    (void)router.start().value();
  }
  /// The host is switched off.
  void remove(std::uint32_t number) {
    mesh_.remove(number);
    nodes_.erase(number);
    truth_.erase(number);
  }

  void random_change(std::uint32_t number) {
    auto& node = nodes_.at(number);
    auto& own = truth_[number];
    auto const name = "n" + std::to_string(random_.below(12)) + ".weave.local.";
    Ipv4Address const address{static_cast<std::uint32_t>(0x0a20'0000 + number * 256 + random_.below(3))};
    auto const id = "c" + std::to_string(random_.below(3));
    NameKey const key{name, node.gossiper->self(), id, address};
    if (random_.below(3) == 0) {
      node.gossiper->remove({.container_id = id});
      std::erase_if(own, [&id](NameKey const& each) { return each.container_id == id; });
    } else {
      node.gossiper->add(id, name, address);
      own.insert(key);
    }
  }

  /// What `number` believes that is not so; empty if all is well.
  [[nodiscard]] std::string error_of(std::uint32_t number) {
    std::set<NameKey> expected;
    for (auto const& [other, own] : truth_) expected.insert(own.begin(), own.end());
    std::set<NameKey> found;
    for (auto const& [key, state] : nodes_.at(number).gossiper->table().entries()) {
      if (state.is_live()) found.insert(key);
    }
    if (found == expected) return {};
    auto const text = [](NameKey const& key) { return key.hostname + " of " + key.origin.to_string(); };
    for (auto const& key : expected) {
      if (!found.contains(key)) return "peer " + std::to_string(number) + " lacks " + text(key);
    }
    for (auto const& key : found) {
      if (!expected.contains(key)) return "peer " + std::to_string(number) + " still has " + text(key);
    }
    return {};
  }
  [[nodiscard]] std::string error() {
    for (auto const& [number, node] : nodes_) {
      if (auto text = error_of(number); !text.empty()) return text;
    }
    return {};
  }
  Duration converge(Duration limit) {
    auto const start = mesh_.scheduler.now();
    while (!error().empty() && mesh_.scheduler.now() - start < limit) advance(milliseconds{100});
    return mesh_.scheduler.now() - start;
  }

  void advance(Duration by) { mesh_.advance(by); }
  [[nodiscard]] NameGossiper& at(std::uint32_t number) { return *nodes_.at(number).gossiper; }
  [[nodiscard]] MeshSimulation& mesh() { return mesh_; }
  [[nodiscard]] SeededRandom& random() { return random_; }
  [[nodiscard]] std::vector<std::uint32_t> numbers() const {
    std::vector<std::uint32_t> all;
    for (auto const& [number, node] : nodes_) all.push_back(number);
    return all;
  }

 private:
  struct Node {
    std::unique_ptr<WrongClock> clock;
    std::unique_ptr<RouterMembers> members;
    std::unique_ptr<NameGossiper> gossiper;
  };

  std::map<std::uint32_t, std::set<NameKey>> truth_;
  std::map<std::uint32_t, Node> nodes_;
  MeshSimulation mesh_;
  SeededRandom random_;
};

void build(NameMesh& mesh, std::uint32_t peers, bool discovery) {
  gossip::MeshSettings settings;
  settings.discovery = discovery;
  for (std::uint32_t number = 1; number <= peers; ++number) {
    mesh.add(number, {}, settings);
    // Without discovery: a tree.
    if (number > 1) mesh.mesh().connect(number, number / 2);
  }
  mesh.advance(seconds{5});
  mesh.mesh().converge(minutes{1});
  for (auto const number : mesh.numbers()) {
    for (int i = 0; i < 5; ++i) mesh.random_change(number);
  }
  mesh.advance(seconds{5});
}

TEST(NameSimulation, everybody_learns_of_a_change_at_once) {
  NameMesh mesh{1};
  build(mesh, 12, true);
  ASSERT_EQ(mesh.error(), "");
  for (int i = 0; i < 50; ++i) {
    auto const numbers = mesh.numbers();
    mesh.random_change(numbers[mesh.random().below(numbers.size())]);
    EXPECT_LE(mesh.converge(seconds{10}), milliseconds{500}) << mesh.error();
  }
}

/// A part of the mesh is cut off, notices it or not, lives on, and comes back.
TEST(NameSimulation, names_are_back_everywhere_soon_after_a_partition) {
  int noticed = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    NameMesh mesh{seed};
    auto const peers = static_cast<std::uint32_t>(3 + seed % 10);
    build(mesh, peers, seed % 3 != 0);
    ASSERT_EQ(mesh.error(), "");
    std::set<std::string> side;
    std::vector<std::uint32_t> cut_off;
    for (auto const number : mesh.numbers()) {
      if (!cut_off.empty() && (seed % 2 == 0 || mesh.random().below(2) == 0)) continue;
      cut_off.push_back(number);
      side.insert(MeshSimulation::ip(number));
    }
    mesh.mesh().network.partition(side);
    auto const who_notices = mesh.random().below(3);
    for (auto const inside : cut_off) {
      for (auto const number : mesh.numbers()) {
        if (who_notices == 0 || side.contains(MeshSimulation::ip(number))) continue;
        mesh.mesh().network.reset(MeshSimulation::ip(inside), MeshSimulation::ip(number));
        ++noticed;
      }
    }
    auto const end = mesh.mesh().scheduler.now() + seconds{10} + milliseconds{mesh.random().below(20'000)};
    while (mesh.mesh().scheduler.now() < end) {
      auto const numbers = mesh.numbers();
      mesh.random_change(numbers[mesh.random().below(numbers.size())]);
      mesh.advance(milliseconds{mesh.random().below(1000)});
    }
    mesh.mesh().network.heal();
    // The mesh finds itself again; that takes what its retries take.
    auto const mesh_took = mesh.mesh().converge(minutes{1});
    EXPECT_EQ(mesh.mesh().disagreement(), "");
    auto const took = mesh.converge(seconds{30});
    EXPECT_LE(took, seconds{5}) << mesh.error() << ", mesh took "
                                << std::chrono::duration_cast<milliseconds>(mesh_took).count() << " ms";
    EXPECT_EQ(mesh.error(), "");
  }
  EXPECT_GT(noticed, 50);
}

TEST(NameSimulation, names_of_a_dead_peer_go_and_those_of_its_next_life_come) {
  NameMesh mesh{3};
  build(mesh, 6, true);
  ASSERT_EQ(mesh.error(), "");
  mesh.remove(4);
  EXPECT_LE(mesh.converge(seconds{10}), seconds{2}) << mesh.error();
  mesh.add(4);
  mesh.mesh().connect(4, 1);
  mesh.random_change(4);
  mesh.advance(seconds{1});
  EXPECT_LE(mesh.converge(seconds{30}), seconds{5}) << mesh.error();
}

/// Nobody tells a rebooted host's neighbours that it went; its old names must not survive in anybody's gossip.
TEST(NameSimulation, a_reboot_leaves_no_stale_names) {
  NameMesh mesh{4};
  build(mesh, 6, true);
  mesh.mesh().network.partition({MeshSimulation::ip(2)});
  mesh.remove(2);
  mesh.advance(seconds{1});
  mesh.mesh().network.heal();
  mesh.add(2);
  for (std::uint32_t other : {1U, 3U, 4U}) mesh.mesh().connect(2, other);
  mesh.random_change(2);
  mesh.advance(seconds{10});
  EXPECT_LE(mesh.converge(seconds{60}), seconds{5}) << mesh.error();
  mesh.advance(minutes{2});
  EXPECT_EQ(mesh.error(), "");
}

TEST(NameSimulation, wrong_clocks_do_no_harm) {
  NameMesh mesh{5};
  for (std::uint32_t number = 1; number <= 8; ++number) {
    auto const off = number == 3 ? std::chrono::hours{1} : number == 6 ? std::chrono::hours{-1} : std::chrono::hours{0};
    mesh.add(number, off);
    if (number > 1) mesh.mesh().connect(number, 1);
  }
  mesh.advance(seconds{10});
  for (int i = 0; i < 300; ++i) {
    mesh.random_change(static_cast<std::uint32_t>(1 + mesh.random().below(8)));
    mesh.advance(seconds{mesh.random().below(40)});
    EXPECT_LE(mesh.converge(seconds{60}), seconds{1}) << mesh.error();
  }
  for (auto const number : mesh.numbers()) EXPECT_EQ(mesh.mesh().established(number), 7U) << number;
  // Tombstones go, whatever clock they were made by.
  mesh.advance(std::chrono::hours{3});
  EXPECT_EQ(mesh.error(), "");
  for (auto const number : mesh.numbers()) {
    EXPECT_EQ(mesh.at(number).table().size(), mesh.at(number).table().live_count()) << number;
  }
}

} // namespace
} // namespace weave::controller::dns
