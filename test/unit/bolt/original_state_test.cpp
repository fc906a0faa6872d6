#include "controller/bolt/original_state.hpp"

#include <gtest/gtest.h>

#include "controller/bolt/bolt_file.hpp"
#include "test/unit/bolt/bolt_vectors.hpp"
#include "test/unit/ipam/ipam_vectors.hpp"

namespace weave::controller::bolt {
namespace {

using namespace weave::test;

std::map<std::string, ipam::OwnedAddresses> owned_of(boost::json::value const& value) {
  std::map<std::string, ipam::OwnedAddresses> owned;
  for (auto const& [id, row] : value.as_object()) {
    auto& addresses = owned[id];
    addresses.is_container = row.at("is_container").as_bool();
    for (auto const& cidr : row.at("cidrs").as_array()) addresses.cidrs.push_back(cidr_of(cidr));
  }
  return owned;
}

void expect_state(OriginalState const& state, boost::json::object const& expected) {
  EXPECT_EQ(state.name, peer_of(expected.at("peername")));
  ASSERT_TRUE(state.ring);
  EXPECT_EQ(*state.ring, ring_of(expected.at("ring"))) << show(*state.ring) << '\n'
                                                       << show(ring_of(expected.at("ring")));
  EXPECT_EQ(state.owned, owned_of(expected.at("ownedAddresses")));
  std::vector<std::string> targets;
  if (auto const* const peers = expected.if_contains("directPeers")) {
    for (auto const& peer : peers->as_array()) targets.push_back(text_of(peer));
  }
  EXPECT_EQ(state.targets, targets);
  std::map<std::string, std::string> flags;
  for (auto const& [key, value] : expected) {
    if (key.starts_with("flag:")) flags[std::string{key}.substr(5)] = text_of(value);
  }
  EXPECT_EQ(state.flags, flags);
}

TEST(OriginalState, is_read_from_every_file_of_the_original) {
  for (auto const& item : ipam_group("bolt")) {
    auto const& vector = item.as_object();
    auto const name = text_of(vector.at("name"));
    SCOPED_TRACE(name);
    auto const file = bolt_file_of(vector);
    auto const entries = read_bucket(file, "top");
    ASSERT_TRUE(entries) << entries.error().text();
    auto const& keys = vector.at("keys_hex").as_object();
    EXPECT_EQ(entries->size(), keys.size());
    for (auto const& [key, value] : *entries) EXPECT_EQ(to_hex(value), text_of(keys.at(key))) << key;
    auto const state = decode_original_state(file);
    ASSERT_TRUE(state) << state.error().text();
    expect_state(*state, vector.at("expected").as_object());
    if (!HasFailure()) ipam_file().covered("bolt/" + name);
  }
}

/// `file` with one value of the bucket replaced by as many other bytes.
Bytes with_value(Bytes file, std::string_view key, Bytes const& value) {
  auto const entries = read_bucket(file, "top").value();
  auto const entry = std::ranges::find(entries, key, &BucketEntry::key);
  std::ranges::copy(value, file.begin() + (entry->value.data() - file.data()));
  return file;
}

TEST(OriginalState, refuses_values_it_cannot_understand) {
  auto const file = bolt_file("typical");
  auto const version = decode_original_state(with_value(file, "version", {2, 0}));
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().text(), "key 'version': mismatched version 0200");
  for (auto const* key : {"peername", "ring", "ownedAddresses", "directPeers", "flag:peer-reclaim"}) {
    auto const state = decode_original_state(with_value(file, key, {0xf8, 0xff}));
    ASSERT_FALSE(state) << key;
    EXPECT_EQ(state.error().kind(), ErrorKind::malformed);
    EXPECT_TRUE(state.error().text().starts_with(std::string{"key '"} + key + "': ")) << state.error().text();
  }
}

TEST(OriginalState, refuses_a_ring_that_breaks_the_rules) {
  auto const file = bolt_file("typical");
  auto const entries = read_bucket(file, "top").value();
  auto ring = *std::ranges::find(entries, "ring", &BucketEntry::key);
  Bytes value(ring.value.begin(), ring.value.end());
  // Its second token, 10.40.0.0, as the first one, 10.32.0.0.
  Bytes const second{0xfc, 0x0a, 0x28, 0x00, 0x00};
  auto const at = std::ranges::search(value, second);
  ASSERT_FALSE(at.empty());
  at[2] = 0x20;
  auto const state = decode_original_state(with_value(file, "ring", value));
  ASSERT_FALSE(state);
  EXPECT_TRUE(state.error().text().starts_with("key 'ring': ")) << state.error().text();
}

} // namespace
} // namespace weave::controller::bolt
