#include "controller/ipam/gossip_state.hpp"

#include <set>

#include <gtest/gtest.h>

#include "controller/ipam/persisted_state.hpp"
#include "test/unit/ipam/ipam_vectors.hpp"

namespace weave::controller::ipam {
namespace {

using namespace weave::test;

/// Equal, or equal but for the order of map elements, which gob leaves open: the vectors have that of insertion.
void expect_same_bytes(ByteView ours, ByteView theirs, Nicknames const& nicknames, std::string const& name) {
  if (nicknames.size() <= 1) {
    EXPECT_EQ(to_hex(ours), to_hex(theirs)) << name;
    return;
  }
  std::multiset<std::uint8_t> const our_octets{ours.begin(), ours.end()};
  EXPECT_EQ(our_octets, (std::multiset<std::uint8_t>{theirs.begin(), theirs.end()})) << name;
}

TEST(GossipState, is_byte_for_byte_the_original_s) {
  for (auto const& item : ipam_group("gossip_state")) {
    auto const name = text_of(item.at("name"));
    auto const hex = hex_member(item.as_object(), "hex");
    auto const expected = state_of(item.at("expected"));
    auto const decoded = decode_gossip_state(hex);
    ASSERT_TRUE(decoded) << name << decoded.error().text();
    EXPECT_EQ(*decoded, expected) << name;
    // Senders that met other types before number theirs differently; ours come from a fresh stream.
    if (!name.starts_with("type_ids_shifted_by_") || name.starts_with("type_ids_shifted_by_0_")) {
      expect_same_bytes(encode_gossip_state(expected), hex, expected.nicknames, name);
    }
    auto const again = decode_gossip_state(encode_gossip_state(expected));
    ASSERT_TRUE(again) << name;
    EXPECT_EQ(*again, expected) << name;
    ipam_file().covered("gossip_state/" + name);
  }
}

TEST(GossipState, unicasts_are_byte_for_byte_the_original_s) {
  for (auto const& item : ipam_group("unicast")) {
    auto const name = text_of(item.at("name"));
    auto const hex = hex_member(item.as_object(), "hex");
    auto const message = decode_unicast(hex);
    ASSERT_TRUE(message) << name;
    auto const& expected = item.at("expected");
    if (auto const* const request = std::get_if<SpaceRequest>(&*message)) {
      EXPECT_EQ(expected.at("tag"), 0);
      EXPECT_EQ(request->range, range_of(expected.at("range")));
      EXPECT_EQ(to_hex(encode_unicast(*request)), to_hex(hex)) << name;
    } else if (auto const* const denied = std::get_if<SpaceDenied>(&*message)) {
      EXPECT_EQ(expected.at("tag"), 2);
      EXPECT_EQ(denied->range, range_of(expected.at("range")));
      EXPECT_EQ(to_hex(encode_unicast(*denied)), to_hex(hex)) << name;
    } else {
      auto const* const update = std::get_if<RingUpdate>(&*message);
      ASSERT_NE(update, nullptr) << name;
      EXPECT_EQ(expected.at("tag"), 1);
      EXPECT_EQ(update->state, state_of(expected.at("state")));
      expect_same_bytes(encode_unicast(*update), hex, update->state.nicknames, name);
    }
    ipam_file().covered("unicast/" + name);
  }
}

TEST(GossipState, refuses_every_truncation) {
  for (auto const& item : ipam_group("gossip_state")) {
    auto const hex = hex_member(item.as_object(), "hex");
    for (std::size_t length = 0; length < hex.size(); ++length) {
      EXPECT_FALSE(decode_gossip_state(ByteView{hex}.first(length))) << text_of(item.at("name")) << ' ' << length;
    }
  }
}

TEST(GossipState, survives_every_flipped_byte) {
  auto const hex = hex_member(ipam_group("gossip_state").at(11).as_object(), "hex");
  for (std::size_t place = 0; place < hex.size(); ++place) {
    for (auto const value : {0x00, 0x01, 0x7f, 0x80, 0xf8, 0xff}) {
      auto bent = hex;
      bent[place] = static_cast<std::uint8_t>(value);
      auto const state = decode_gossip_state(bent);
      if (state && state->ring) static_cast<void>(validate(*state->ring));
    }
  }
}

TEST(PersistedState, comes_back_as_it_was_saved) {
  auto const& vector = ipam_group("gossip_state").at(3);
  PersistedState const saved{PeerName{7}, {Ipv4Address{10}, Ipv4Address{20}}, 99, state_of(vector.at("expected"))};
  auto const loaded = decode_persisted(encode_persisted(saved));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->self, saved.self);
  EXPECT_EQ(loaded->universe, saved.universe);
  EXPECT_EQ(loaded->uid, 99U);
  EXPECT_EQ(loaded->state, saved.state);
}

TEST(PersistedState, reports_damage) {
  EXPECT_FALSE(decode_persisted({}));
  auto const unknown = decode_persisted(Bytes{9, 0, 0});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().text(), "saved IP allocation state has unknown format 9");
  EXPECT_FALSE(decode_persisted(Bytes{1, 0, 0}));
}

} // namespace
} // namespace weave::controller::ipam
