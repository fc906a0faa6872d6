#include "test/unit/dns_names/name_vectors.hpp"

#include <gtest/gtest.h>

#include "test/unit/dns_names/gossiper_fakes.hpp"

namespace weave::controller::dns {
namespace {

using namespace weave::test;

/// Brings entries into the database by the ways in which they come in life.
void recall(GossiperRig& rig, NameSet const& names) {
  for (auto const& [key, state] : names) {
    if (key.origin != rig.gossiper->self()) {
      auto const payload = encode_names({.timestamp = rig.unix_time(), .entries = {{key, state}}});
      ASSERT_TRUE(rig.gossiper->on_gossip(kUnknownPeer, payload));
      continue;
    }
    rig.gossiper->add(key.container_id, key.hostname, key.address);
    if (state.is_live() && state.version == 0) continue;
    auto const now = rig.unix_time();
    if (!state.is_live()) {
      rig.set_unix_time(state.tombstone);
      rig.gossiper->remove({.container_id = key.container_id, .address = key.address, .hostname = key.hostname});
      rig.set_unix_time(now);
    }
    if (rig.gossiper->table().find(key) == state) continue;
    // Correcting others makes our version one more than theirs.
    NameState const theirs{state.version - 1, state.is_live() ? now : 0};
    auto const payload = encode_names({.timestamp = now, .entries = {{key, theirs}}});
    ASSERT_TRUE(rig.gossiper->on_gossip(kUnknownPeer, payload));
  }
  ASSERT_EQ(lines_of(rig.gossiper->table().entries()), lines_of(names));
  rig.channel = {};
  rig.gossiper->attach(rig.channel);
}

TEST(NameVectors, payloads) {
  for (auto const& value : dns_file().document().at("gossip").as_array()) {
    auto const& vector = value.as_object();
    SCOPED_TRACE(text_of(vector.at("name")));
    auto const message = decode_names(hex_member(vector, "hex"));
    ASSERT_TRUE(message) << message.error().text();
    auto const expected = message_of(vector.at("expected"));
    EXPECT_EQ(lines_of(*message), lines_of(expected));
    auto const again = decode_names(encode_names(expected));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(lines_of(*again), lines_of(expected));
    dns_file().covered("gossip/" + text_of(vector.at("name")));
  }
}

TEST(NameVectors, merges) {
  for (auto const& value : dns_file().document().at("merge").as_array()) {
    auto const& vector = value.as_object();
    auto const name = text_of(vector.at("name"));
    SCOPED_TRACE(name);
    std::set<PeerName> known;
    for (auto const& peer : vector.at("known_peers").as_array()) known.insert(peer_of(peer));
    GossiperRig rig{peer_of(vector.at("our_name")), known};
    rig.set_unix_time(number_of(vector.at("now")));
    recall(rig, names_of(vector.at("have")));
    if (HasFatalFailure()) return;

    bool const is_gossip = text_of(vector.at("kind")) == "gossip";
    auto const payload = hex_member(vector, "incoming_hex");
    auto const source = PeerName{2};
    auto const relay =
        is_gossip ? rig.gossiper->on_gossip(source, payload) : rig.gossiper->on_broadcast(source, payload);
    auto const& expected = vector.at("expected").as_object();
    ASSERT_TRUE(relay) << relay.error().text();
    if (!expected.at("error").is_null()) {
      // The original drops the connection; here a wrong clock, whoever has it, must do no harm.
      EXPECT_EQ(rig.log->count("differs from ours by"), 1U);
      EXPECT_EQ(lines_of(rig.gossiper->table().entries()), lines_of(names_of(vector.at("incoming").at("entries"))));
      ASSERT_TRUE(*relay);
      EXPECT_EQ(FakeNameChannel::decode(**relay).timestamp, number_of(vector.at("now")));
      dns_file().covered("merge/" + name);
      continue;
    }
    EXPECT_EQ(lines_of(rig.gossiper->table().entries()), lines_of(names_of(expected.at("entries_after"))));
    auto const& told = expected.at("returned_for_relay");
    EXPECT_EQ(*relay != nullptr, !told.is_null());
    if (*relay && !told.is_null()) {
      EXPECT_EQ(lines_of(FakeNameChannel::decode(**relay)), lines_of(message_of(told)));
    }
    auto const& own = expected.at("own_broadcasts").as_array();
    ASSERT_EQ(rig.channel.broadcasts.size(), own.size());
    for (std::size_t i = 0; i < own.size(); ++i) {
      EXPECT_EQ(lines_of(rig.channel.broadcasts[i]), lines_of(message_of(own[i])));
    }
    dns_file().covered("merge/" + name);
  }
}

/// What the original crashes on.
TEST(NameVectors, hostile) {
  for (auto const& value : dns_file().document().at("hostile").as_array()) {
    auto const& vector = value.as_object();
    SCOPED_TRACE(text_of(vector.at("name")));
    auto const payload = hex_member(vector, "hex");
    auto const message = decode_names(payload);
    ASSERT_TRUE(message) << message.error().text();
    GossiperRig rig{PeerName{1}};
    for (auto const& [key, state] : message->entries) rig.members.peers.insert(key.origin);
    auto const relay = rig.gossiper->on_broadcast(PeerName{2}, payload);
    ASSERT_TRUE(relay);
    auto const sandwich = text_of(vector.at("name")) == "case_variant_sandwich";
    EXPECT_EQ(rig.gossiper->table().size(), sandwich ? 2U : 1U);
    EXPECT_EQ(FakeNameChannel::decode(**relay).entries.size(), sandwich ? 2U : 1U);
    dns_file().covered("hostile/" + text_of(vector.at("name")));
  }
}

} // namespace
} // namespace weave::controller::dns
