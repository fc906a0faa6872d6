#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "controller/ipam/ring.hpp"

// That a merge is complete and does not depend on the order, as `Ring` states it, over rings that real histories leave.

namespace weave::controller::ipam {
namespace {

constexpr Ipv4Range kUniverse{Ipv4Address{0x0a000000U}, Ipv4Address{0x0a000040U}};

PeerName peer(std::uint64_t number) { return PeerName{number + 1}; }

/// Peers that grant, use and free addresses, die and are taken over, by one or by two at once, and hear of each other
/// now and then. Every state that any of them ever told is kept.
class History {
 public:
  explicit History(std::uint64_t seed) : random_{seed} {
    std::vector<PeerName> seeds;
    auto const count = 2 + random_.below(3);
    for (std::uint64_t i = 0; i < count; ++i) seeds.push_back(peer(i));
    for (auto const name : seeds) {
      rings_.emplace_back(kUniverse, name).form(seeds);
      told_.push_back(rings_.back().state());
    }
    for (int step = 0; step < 40; ++step) act();
  }
  [[nodiscard]] std::vector<RingState> const& told() const { return told_; }
  [[nodiscard]] std::vector<Ring> const& peers() const { return rings_; }
  [[nodiscard]] SeededRandom& random() { return random_; }

 private:
  void act() {
    auto& ring = rings_[random_.below(rings_.size())];
    switch (random_.below(8)) {
      case 0:
      case 1: grant(ring); break;
      case 2:
      case 3: use(ring); break;
      case 4:
        if (random_.below(6) == 0) ring.transfer(peer(random_.below(rings_.size())), ring.self());
        break;
      default: hear(ring, told_[random_.below(told_.size())]); return;
    }
    told_.push_back(ring.state());
  }
  void grant(Ring& ring) {
    auto const owned = ring.owned_ranges(ring.self());
    if (owned.empty()) return;
    auto range = owned[random_.below(owned.size())];
    range.start = range.start + static_cast<std::uint32_t>(random_.below(range.size()));
    range.end = range.start + 1 + static_cast<std::uint32_t>(random_.below(range.end - range.start));
    EXPECT_TRUE(ring.grant(range, peer(random_.below(rings_.size()))));
  }
  void use(Ring& ring) {
    ring.report_free([this](Ipv4Range range) { return static_cast<std::uint32_t>(random_.below(range.size() + 1)); });
  }
  static void hear(Ring& ring, RingState const& state) {
    auto const outcome = ring.settle(state);
    ASSERT_TRUE(outcome);
    ring.restate(outcome->restate);
  }

  SeededRandom random_;
  std::vector<Ring> rings_;
  std::vector<RingState> told_;
};

using Owners = std::vector<std::tuple<Ipv4Address, PeerName, std::uint32_t>>;

Owners owners_of(RingState const& state) {
  Owners owners;
  for (auto const& entry : state.tokens) owners.emplace_back(entry.token, entry.peer, entry.version);
  return owners;
}

/// Somebody who owns nothing and hears these states.
RingState heard(std::vector<RingState> const& states) {
  Ring watcher{kUniverse, PeerName{999}};
  for (auto const& state : states) EXPECT_TRUE(watcher.settle(state));
  return watcher.state();
}

/// Two owners of one token under one version and different counts, which is where the order may matter for a moment.
bool has_tie(std::vector<RingState> const& states) {
  std::map<std::pair<Ipv4Address, std::uint32_t>, PeerName> owners;
  for (auto const& state : states) {
    for (auto const& entry : state.tokens) {
      if (owners.emplace(std::pair{entry.token, entry.version}, entry.peer).first->second != entry.peer) return true;
    }
  }
  return false;
}

void shuffle(std::vector<RingState>& states, SeededRandom& random) {
  for (std::size_t i = states.size(); i > 1; --i) std::swap(states[i - 1], states[random.below(i)]);
}

TEST(RingConvergence, the_order_and_number_of_merges_do_not_matter) {
  int without_ties = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    History history{seed};
    if (has_tie(history.told())) continue;
    ++without_ties;
    auto states = history.told();
    auto const once = heard(states);
    for (int order = 0; order < 4; ++order) {
      shuffle(states, history.random());
      // Heard twice, some of them.
      states.push_back(states[history.random().below(states.size())]);
      ASSERT_EQ(heard(states).tokens, once.tokens) << "seed " << seed;
    }
    // Grouped: what one has heard, told to another who has heard the rest.
    auto const cut = static_cast<std::ptrdiff_t>(history.random().below(states.size()));
    auto const first = heard({states.begin(), states.begin() + cut});
    auto const second = heard({states.begin() + cut, states.end()});
    ASSERT_EQ(heard({first, second}).tokens, once.tokens) << "seed " << seed;
    ASSERT_EQ(heard({second, first}).tokens, once.tokens) << "seed " << seed;
    ASSERT_EQ(heard({once, once}).tokens, once.tokens) << "seed " << seed;
    ASSERT_TRUE(validate(once)) << "seed " << seed;
  }
  EXPECT_GT(without_ties, 500);
}

TEST(RingConvergence, all_small_sets_of_states_in_all_orders) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    History history{seed};
    if (has_tie(history.told())) continue;
    std::vector<RingState> states;
    for (int i = 0; i < 4; ++i) states.push_back(history.told()[history.random().below(history.told().size())]);
    auto const once = heard(states);
    std::vector<std::size_t> order{0, 1, 2, 3};
    do {
      ASSERT_EQ(heard({states[order[0]], states[order[1]], states[order[2]], states[order[3]]}).tokens, once.tokens)
          << "seed " << seed;
    } while (std::ranges::next_permutation(order).found);
  }
}

TEST(RingConvergence, peers_that_talk_until_nothing_is_new_agree_on_every_owner_ties_or_not) {
  int ties = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    History history{seed};
    if (has_tie(history.told())) ++ties;
    auto rings = history.peers();
    rings.emplace_back(kUniverse, PeerName{999});
    bool news = true;
    int rounds = 0;
    for (; news && rounds < 200; ++rounds) {
      news = false;
      for (std::size_t turn = 0; turn < rings.size() * rings.size(); ++turn) {
        auto const& from = rings[(turn + seed) % rings.size()];
        auto& to = rings[turn / rings.size()];
        auto const before = owners_of(to.state());
        auto const outcome = to.settle(from.state());
        ASSERT_TRUE(outcome) << "seed " << seed;
        to.restate(outcome->restate);
        news = news || owners_of(to.state()) != before;
      }
    }
    ASSERT_LT(rounds, 200) << "seed " << seed;
    for (auto const& ring : rings)
      ASSERT_EQ(owners_of(ring.state()), owners_of(rings.front().state())) << "seed " << seed;
  }
  EXPECT_GT(ties, 20);
}

} // namespace
} // namespace weave::controller::ipam
