#include "controller/ipam/ring.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "test/unit/ipam/ipam_vectors.hpp"

namespace weave::controller::ipam {
namespace {

using namespace weave::test;

void covered(std::string const& part) { ipam_file().covered("ring/" + part); }

Ring ring_from(boost::json::value const& value) { return Ring::restore(ring_of(value)).value(); }

PeerName peer(int number) { return PeerName{static_cast<std::uint64_t>(number)}; }
Ipv4Address at(std::uint32_t offset) { return Ipv4Address{0x0a000000U + offset}; }
constexpr Ipv4Range kUniverse{Ipv4Address{0x0a000000U}, Ipv4Address{0x0a000100U}};

TEST(Ring, divides_the_universe_among_its_seeds) {
  for (auto const& item : ipam_group("ring", "subdivide")) {
    auto const expected = ring_of(item.at("ring"));
    Ring ring{cidr_of(item.at("range")).range(), expected.peer};
    ring.form(peers_of(item.at("seeds_in")));
    EXPECT_EQ(ring.state(), expected) << show(ring.state()) << "\n" << show(expected);
  }
  covered("subdivide");
}

TEST(Ring, grants) {
  for (auto const& item : ipam_group("ring", "grant")) {
    auto ring = ring_from(item.at("before"));
    ASSERT_TRUE(ring.grant(range_of(item), peer_of(item.at("to")))) << text_of(item.at("name"));
    auto const expected = ring_of(item.at("after"));
    EXPECT_EQ(ring.state(), expected) << text_of(item.at("name")) << "\n"
                                      << show(ring.state()) << "\n"
                                      << show(expected);
  }
  covered("grant");
}

TEST(Ring, gives_nothing_that_is_not_ours) {
  Ring ring{kUniverse, peer(1)};
  EXPECT_FALSE(ring.grant({at(0), at(1)}, peer(2)));
  ring.form({peer(1), peer(2)});
  auto const before = ring.state();
  EXPECT_FALSE(ring.grant({at(100), at(140)}, peer(2)));
  EXPECT_FALSE(ring.grant({at(10), at(10)}, peer(2)));
  EXPECT_FALSE(ring.grant({at(20), at(10)}, peer(2)));
  EXPECT_EQ(ring.state(), before);
}

TEST(Ring, transfers) {
  for (auto const& item : ipam_group("ring", "transfer")) {
    auto ring = ring_from(item.at("before"));
    auto const moved = ring.transfer(peer_of(item.at("from")), peer_of(item.at("to")));
    EXPECT_EQ(moved, ranges_of(item.at("new_ranges")));
    EXPECT_EQ(ring.state(), ring_of(item.at("after"))) << text_of(item.at("name"));
  }
  covered("transfer");
}

TEST(Ring, reports_free_counts) {
  for (auto const& item : ipam_group("ring", "report_free")) {
    auto ring = ring_from(item.at("before"));
    std::map<std::string, std::uint32_t> counts;
    for (auto const& [start, count] : item.at("free_by_range_start").as_object()) {
      counts[std::string{start}] = number_of<std::uint32_t>(count);
    }
    auto const changed = ring.report_free([&](Ipv4Range range) { return counts[range.start.to_string()]; });
    EXPECT_EQ(changed, item.at("updated").as_bool());
    EXPECT_EQ(ring.state(), ring_of(item.at("after"))) << text_of(item.at("name"));
  }
  covered("report_free");
}

TEST(Ring, knows_owners) {
  for (auto const& item : ipam_group("ring", "ownership")) {
    auto const ring = ring_from(item.at("ring"));
    for (auto const& [address, owner] : item.at("owner_of").as_object()) {
      EXPECT_EQ(ring.owner(Ipv4Address::parse(address).value()), peer_of(owner)) << std::string{address};
    }
    for (auto const& [name, ranges] : item.at("owned_ranges").as_object()) {
      auto const owned = ring.owned_ranges(PeerName::parse(name).value());
      EXPECT_EQ(owned, ranges_of(ranges)) << show(owned);
    }
    std::vector<RingPiece> pieces;
    for (auto const& piece : item.at("all_range_info").as_array()) {
      pieces.push_back(
          {peer_of(piece.at("peer")), range_of(piece.at("range")), number_of<std::uint32_t>(piece.at("version"))});
      EXPECT_EQ(pieces.back().range.size(), number_of<std::uint32_t>(piece.at("size")));
    }
    EXPECT_EQ(ring.pieces(), pieces) << text_of(item.at("name"));
  }
  covered("ownership");
}

TEST(Ring, names_whom_to_ask) {
  for (auto const& item : ipam_group("ring", "choose_donor")) {
    auto const ring = ring_from(item.at("ring"));
    std::map<PeerName, std::uint64_t> expected;
    for (auto const& [name, weight] : item.at("candidate_weights").as_object()) {
      expected[PeerName::parse(name).value()] = number_of<std::uint64_t>(weight);
    }
    // The original overlooks a wrapping piece; we ask its owner.
    if (text_of(item.at("name")) == "wrapped_owner_missed") {
      ASSERT_TRUE(expected.empty());
      expected[PeerName::parse("00:00:aa:bb:cc:02").value()] = 128;
    }
    std::map<PeerName, std::uint64_t> found;
    for (auto const& donor : ring.donors(range_of(item))) found[donor.peer] = donor.weight;
    EXPECT_EQ(found, expected) << text_of(item.at("name"));
  }
  covered("choose_donor");
}

TEST(Ring, asks_full_donors_only_when_told_to) {
  Ring ring{kUniverse, peer(1)};
  ring.form({peer(1), peer(2)});
  RingState full = ring.state();
  full.tokens[1].free = 0;
  full.tokens[1].version = 1;
  ASSERT_TRUE(ring.merge(full, {}));
  EXPECT_TRUE(ring.donors(kUniverse).empty());
  EXPECT_EQ(ring.donors(kUniverse, true), (std::vector<Donor>{{peer(2), 0}}));
}

TEST(Ring, keeps_versions_from_wrapping_round) {
  auto const most = std::numeric_limits<std::uint32_t>::max();
  Ring ring{kUniverse, peer(1)};
  ring.form({peer(1)});
  RingState boast = ring.state();
  boast.tokens[0].version = most;
  auto const outcome = ring.merge(boast, {});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(ring.state().tokens[0].version, most);
  ring.transfer(peer(1), peer(2));
  EXPECT_EQ(ring.state().tokens[0].version, most);
}

TEST(Ring, restores_only_what_is_valid) {
  RingState state{kUniverse, peer(1), {{at(8), peer(1), 0, 1}, {at(4), peer(1), 0, 1}}, {}};
  auto const ring = Ring::restore(state);
  ASSERT_FALSE(ring);
  EXPECT_EQ(ring.error().text(), "Ring not sorted");
}

} // namespace
} // namespace weave::controller::ipam
