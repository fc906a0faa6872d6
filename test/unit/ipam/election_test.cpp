// Peers that were launched with different lists of peers, so that each counts another cluster.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controller/ipam/allocator.hpp"
#include "test/unit/ipam/allocator_fakes.hpp"

namespace weave::controller::ipam {
namespace {

using namespace weave::test;
using namespace std::chrono_literals;

struct Launch {
  std::uint32_t quorum = 1;
  Formation::Mode mode = Formation::Mode::elector;
  /// Whether it takes part in the channel at all.
  bool allocates = true;
};

/// Allocators that all hear each other, in an order drawn from a seed.
class Elections {
 public:
  Elections(std::vector<Launch> const& launches, std::uint64_t seed) : random_{seed} {
    for (std::size_t i = 0; i < launches.size(); ++i) {
      if (launches[i].allocates) rigs_.push_back(make(i, launches[i]));
    }
    for (auto const& rig : rigs_) {
      for (std::size_t i = 0; i < launches.size(); ++i) {
        if (name(i) != self_of(*rig)) rig->mesh.known.insert(name(i));
      }
    }
  }

  /// Each wants an address at the same moment; how long until all have one.
  Duration allocate_everywhere(std::set<std::string>& addresses) {
    std::vector<Answered<Ipv4Cidr>> answers(rigs_.size());
    for (std::size_t i = 0; i < rigs_.size(); ++i) {
      rigs_[i]->allocator->allocate(
          {.id = "c" + std::to_string(i), .subnet = kSubnet, .is_container = false, .deadline = {}}, answers[i].take());
    }
    auto const start = clock_.now();
    auto const done = [&] { return std::ranges::all_of(answers, [](auto const& answer) { return answer.done(); }); };
    while (!done() && clock_.now() - start < 30s) step();
    for (auto const& answer : answers)
      addresses.insert(answer.result && *answer.result ? (*answer.result)->to_string() : "none");
    return clock_.now() - start;
  }
  [[nodiscard]] std::size_t rings() const {
    std::set<std::vector<PeerName>> seeds;
    for (auto const& rig : rigs_) seeds.insert(rig->allocator->book().ring().state().seeds);
    return seeds.size();
  }

 private:
  static constexpr Ipv4Cidr kSubnet{Ipv4Address{0x0a000000}, 24};
  static PeerName name(std::size_t index) { return PeerName{index + 1}; }
  [[nodiscard]] PeerName self_of(AllocatorRig const& rig) const { return names_.at(&rig); }

  std::unique_ptr<AllocatorRig> make(std::size_t index, Launch const& launch) {
    AllocatorConfig config;
    config.self = name(index);
    config.uid = PeerUid{index + 100};
    config.universe = config.default_subnet = kSubnet;
    config.formation.mode = launch.mode;
    config.quorum = [quorum = launch.quorum] { return quorum; };
    auto rig = std::make_unique<AllocatorRig>(config, clock_);
    EXPECT_TRUE(rig->allocator->restore());
    rig->allocator->start();
    names_[rig.get()] = config.self;
    return rig;
  }
  void step() {
    auto& from = *rigs_[random_.below(rigs_.size())];
    if (!from.channel.sent.empty()) {
      auto const message = from.channel.sent.front();
      from.channel.sent.erase(from.channel.sent.begin());
      for (auto const& to : rigs_) {
        if (to.get() == &from || (message.destination && *message.destination != self_of(*to))) continue;
        if (message.destination) {
          EXPECT_TRUE(to->allocator->on_unicast(self_of(from), message.payload));
        } else {
          EXPECT_TRUE(to->allocator->on_broadcast(self_of(from), message.payload));
        }
      }
    }
    clock_.advance(1ms);
  }

  VirtualScheduler clock_;
  SeededRandom random_;
  std::map<AllocatorRig const*, PeerName> names_;
  std::vector<std::unique_ptr<AllocatorRig>> rigs_;
};

constexpr std::uint64_t kSeeds = 200;

TEST(Election, HostsLaunchedOneAfterTheOtherAgreeOnOneRing) {
  // The first without peers, the others with the first.
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Elections hosts{{{.quorum = 1}, {.quorum = 2}, {.quorum = 2}}, seed};
    std::set<std::string> addresses;
    hosts.allocate_everywhere(addresses);
    ASSERT_EQ(hosts.rings(), 1U) << "seed " << seed;
    ASSERT_EQ(addresses.size(), 3U) << "seed " << seed;
    ASSERT_FALSE(addresses.contains("none")) << "seed " << seed;
  }
}

TEST(Election, HostsThatNobodyToldOfOthersAgreeOnOneRing) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Elections hosts{{{}, {}, {}, {}, {}}, seed};
    std::set<std::string> addresses;
    hosts.allocate_everywhere(addresses);
    ASSERT_EQ(hosts.rings(), 1U) << "seed " << seed;
    ASSERT_EQ(addresses.size(), 5U) << "seed " << seed;
  }
}

TEST(Election, ObserversAreWaitedForOnlyAMoment) {
  Elections hosts{{{}, {.mode = Formation::Mode::observer}, {.mode = Formation::Mode::observer}}, 1};
  std::set<std::string> addresses;
  EXPECT_LT(hosts.allocate_everywhere(addresses), 4s);
  EXPECT_EQ(addresses.size(), 3U);
}

TEST(Election, PeersThatAllocateNothingAreWaitedForOnlyAMoment) {
  Elections hosts{{{}, {.allocates = false}, {.allocates = false}}, 1};
  std::set<std::string> addresses;
  EXPECT_LT(hosts.allocate_everywhere(addresses), 3s);
  EXPECT_EQ(addresses, (std::set<std::string>{"10.0.0.1/24"}));
}

} // namespace
} // namespace weave::controller::ipam
