#include <map>

#include <gtest/gtest.h>

#include "controller/ipam/ring.hpp"
#include "test/unit/ipam/ipam_vectors.hpp"

namespace weave::controller::ipam {
namespace {

using namespace weave::test;

struct Expected {
  std::optional<std::string> error;
  bool updated = false;
  RingState after;
};

Expected expected_of(boost::json::value const& item) {
  auto const& value = item.at("expected");
  Expected expected{std::nullopt, value.at("updated").as_bool(), ring_of(value.at("ring_after"))};
  if (!value.at("error").is_null()) expected.error = text_of(value.at("error"));
  return expected;
}

/// Where the original is known to be wrong (protocol/ipam-dns.md §17) and what is done here instead.
Expected corrected(std::string const& name, Expected expected, boost::json::value const& item) {
  auto const mine = ring_of(item.at("mine"));
  auto const refuse = [&](std::string const& token) {
    expected = {"Peer 00:00:aa:bb:cc:02 says it owns the IP range from " + token + ", which I think I own", false,
                mine};
  };
  if (name == "split_ours_tail_unused") {
    // Nothing is allocated there, so the tail may be lost like any other unused range.
    expected = {std::nullopt, true, ring_of(item.at("theirs"))};
    expected.after.peer = mine.peer;
  } else if (name == "split_second_token_unchecked" || name == "own_newer_then_split_unchecked") {
    refuse("10.0.0.64");
  } else if (name == "insert_before_first_wrapping_ours") {
    refuse("10.0.0.0");
  } else if (name == "failed_merge_mutates_version") {
    expected.after = mine;
  }
  return expected;
}

TEST(RingMerge, agrees_with_the_original_except_where_it_is_wrong) {
  for (auto const& item : ipam_group("ring_merge")) {
    auto const name = text_of(item.at("name"));
    SCOPED_TRACE(name);
    auto const expected = corrected(name, expected_of(item), item);
    auto const theirs = ring_of(item.at("theirs"));
    auto const decoded = decode_gossip_state(hex_member(item.as_object(), "theirs_state_hex"));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->ring, theirs);

    IntervalSet allocated;
    for (auto const address : addresses_of(item.at("allocated"))) allocated.add({address, address + 1});
    auto ring = Ring::restore(ring_of(item.at("mine"))).value();
    auto const outcome = ring.merge(theirs, allocated);
    if (expected.error) {
      ASSERT_FALSE(outcome);
      EXPECT_EQ(outcome.error().text, *expected.error);
    } else {
      ASSERT_TRUE(outcome) << outcome.error().text;
      EXPECT_EQ(outcome->updated, expected.updated);
    }
    EXPECT_EQ(ring.state(), expected.after) << show(ring.state()) << "\n" << show(expected.after);
    ipam_file().covered("ring_merge/" + name);
  }
}

PeerName peer(int number) { return PeerName{static_cast<std::uint64_t>(number)}; }
Ipv4Address at(std::uint32_t offset) { return Ipv4Address{0x0a000000U + offset}; }
constexpr Ipv4Range kUniverse{Ipv4Address{0x0a000000U}, Ipv4Address{0x0a000100U}};

TEST(RingMerge, names_every_piece_in_dispute) {
  Ring ring{kUniverse, peer(1)};
  ring.form({peer(1)});
  IntervalSet allocated;
  allocated.add({at(70), at(71)});
  allocated.add({at(200), at(201)});
  RingState const theirs{
      kUniverse, peer(2), {{at(0), peer(1), 0, 0}, {at(64), peer(2), 0, 0}, {at(128), peer(3), 0, 0}}, {peer(1)}};
  auto const outcome = ring.merge(theirs, allocated);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, MergeError::Kind::conflict);
  EXPECT_EQ(outcome.error().contested, (std::vector<Ipv4Range>{{at(64), at(128)}, {at(128), at(256)}}));
}

TEST(RingMerge, one_of_two_owners_under_one_version_wins_everywhere) {
  auto const with = [](PeerName self, PeerName owner, std::uint32_t free) {
    return Ring::restore({kUniverse, self, {{at(0), owner, 7, free}}, {peer(1)}}).value();
  };
  // The same for the two who think they own it and for those who watch, whoever they hear first.
  for (auto const self : {peer(1), peer(2), peer(3)}) {
    for (auto const first : {peer(1), peer(2)}) {
      auto ring = with(self, first, 200);
      auto const other = first == peer(1) ? peer(2) : peer(1);
      ASSERT_TRUE(ring.merge(with(other, other, 200).state(), {}));
      EXPECT_EQ(ring.owner(at(9)), peer(2)) << self.to_string() << first.to_string();
      ring = with(self, first, first == peer(1) ? 201 : 200);
      ASSERT_TRUE(ring.merge(with(other, other, other == peer(1) ? 201 : 200).state(), {}));
      EXPECT_EQ(ring.owner(at(9)), peer(1)) << self.to_string() << first.to_string();
    }
  }
}

TEST(RingMerge, the_winner_of_a_tie_makes_its_entry_newer) {
  auto winner = Ring::restore({kUniverse, peer(2), {{at(0), peer(2), 7, 200}}, {peer(1)}}).value();
  RingState const loser{kUniverse, peer(1), {{at(0), peer(1), 7, 200}}, {peer(1)}};
  auto const outcome = winner.merge(loser, {});
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->updated);
  EXPECT_EQ(outcome->restate, (std::vector{at(0)}));
  EXPECT_TRUE(winner.restate(outcome->restate));
  EXPECT_EQ(winner.state().tokens.front().version, 8U);
  EXPECT_FALSE(winner.restate({at(1)}));
}

TEST(RingMerge, settling_gives_to_whom_the_others_say_and_cuts_free_counts) {
  auto ring = Ring::restore({kUniverse, peer(3), {{at(0), peer(1), 7, 256}}, {peer(1)}}).value();
  RingState const theirs{kUniverse, peer(2), {{at(0), peer(1), 2, 64}, {at(64), peer(2), 0, 192}}, {peer(1)}};
  auto const refused = ring.merge(theirs, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, MergeError::Kind::conflict);
  EXPECT_TRUE(refused.error().contested.empty());
  ASSERT_TRUE(ring.settle(theirs));
  EXPECT_EQ(ring.owner(at(64)), peer(2));
  EXPECT_EQ(ring.state().tokens.front(), (RingToken{at(0), peer(1), 7, 64}));
  EXPECT_TRUE(validate(ring.state()));
}

TEST(RingMerge, never_gives_up_an_address_in_use) {
  // Every ring over eight addresses with up to two foreign tokens against every single allocation.
  Ipv4Range const universe{at(0), at(8)};
  for (std::uint32_t first = 0; first < 8; ++first) {
    for (std::uint32_t second = first + 1; second < 8; ++second) {
      for (std::uint32_t used = 0; used < 8; ++used) {
        for (std::uint32_t own_token = 0; own_token < 8; ++own_token) {
          for (int owners = 0; owners < 4; ++owners) {
            auto ring = Ring::restore({universe, peer(1), {{at(own_token), peer(1), 3, 0}}, {}}).value();
            IntervalSet allocated;
            allocated.add({at(used), at(used + 1)});
            RingState const theirs{universe,
                                   peer(2),
                                   {{at(first), peer((owners & 1) != 0 ? 1 : 2), 4, 0},
                                    {at(second), peer((owners & 2) != 0 ? 1 : 2), 4, 0}},
                                   {}};
            auto const outcome = ring.merge(theirs, allocated);
            ASSERT_EQ(ring.owner(at(used)), peer(1)) << show(ring.state());
            if (!outcome) {
              ASSERT_EQ(ring.state().tokens.size(), 1U);
            }
          }
        }
      }
    }
  }
}

} // namespace
} // namespace weave::controller::ipam
