#include "gossip/features.hpp"

#include <gtest/gtest.h>

#include "test/fixtures/vectors.hpp"

namespace weave::gossip {
namespace {

namespace json = boost::json;
using test::VectorFile;

Features features_of(json::value const& value) {
  Features features;
  for (auto const& [key, text] : value.as_object()) features[std::string{key}] = std::string{text.as_string()};
  return features;
}

TEST(Features, VectorsDecodeWhateverTheirTypeIds) {
  auto& mesh = VectorFile::load("mesh");
  for (auto const& item : mesh.all()) {
    auto const group = item.at("group").as_string();
    if (group != "features" && group != "features-alt") continue;
    std::string const name{item.at("name").as_string()};
    Bytes const wire = test::hex_member(item.as_object(), "hex");
    Features const expected = features_of(item.at("features"));
    auto const decoded = decode_features(wire);
    ASSERT_TRUE(decoded) << decoded.error().text();
    EXPECT_EQ(*decoded, expected) << name;
    if (group == "features") {
      EXPECT_EQ(to_hex(encode_features(expected)), to_hex(wire)) << name;
    }
    mesh.covered(name);
  }
}

Features valid() {
  return {{"PeerNameFlavour", "mac"},
          {"Name", "7a:00:00:00:00:01"},
          {"NickName", "one"},
          {"UID", "18446744073709551615"},
          {"ConnID", "7"},
          {"ShortID", "2781"},
          {"Trusted", "true"}};
}

TEST(Features, IdentityBothWays) {
  auto const identity = parse_features(valid()).value();
  EXPECT_EQ(identity, (Identity{.name = PeerName{0x7a0000000001},
                                .nickname = "one",
                                .uid = PeerUid{UINT64_MAX},
                                .connection_id = 7,
                                .short_id = ShortId{2781},
                                .trusted = true}));
  EXPECT_EQ(make_features(identity), valid());
}

TEST(Features, OldPeersSendNeitherShortIdNorTrust) {
  auto features = valid();
  features.erase("ShortID");
  features.erase("Trusted");
  auto const identity = parse_features(features).value();
  EXPECT_FALSE(identity.short_id);
  EXPECT_FALSE(identity.trusted);
  EXPECT_FALSE(make_features(identity).contains("ShortID"));
}

TEST(Features, MissingFieldsAreNamed) {
  for (auto const* key : {"PeerNameFlavour", "Name", "NickName", "UID", "ConnID"}) {
    auto features = valid();
    features.erase(key);
    auto const identity = parse_features(features);
    ASSERT_FALSE(identity);
    EXPECT_EQ(identity.error().text(), std::string{"field "} + key + " is missing");
  }
}

std::string error_with(std::string const& key, std::string const& value) {
  auto features = valid();
  features[key] = value;
  auto const identity = parse_features(features);
  return identity ? "none" : identity.error().text();
}

TEST(Features, BadValuesAreErrorsWithTheOriginalsTexts) {
  EXPECT_EQ(error_with("PeerNameFlavour", "hash"), "Peer name flavour mismatch (ours: 'mac', theirs: 'hash')");
  EXPECT_EQ(error_with("Name", "bob"), "invalid peer name format: \"bob\"");
  EXPECT_EQ(error_with("ShortID", "5000"), "strconv.ParseUint: parsing \"5000\": value out of range");
  EXPECT_EQ(error_with("ShortID", "4096"), "strconv.ParseUint: parsing \"4096\": value out of range");
  EXPECT_EQ(error_with("ShortID", "4095"), "none");
  EXPECT_EQ(error_with("ShortID", "-1"), "strconv.ParseUint: parsing \"-1\": invalid syntax");
  EXPECT_EQ(error_with("UID", "0x10"), "strconv.ParseUint: parsing \"0x10\": invalid syntax");
  EXPECT_EQ(error_with("UID", ""), "strconv.ParseUint: parsing \"\": invalid syntax");
  EXPECT_EQ(error_with("UID", "18446744073709551616"),
            "strconv.ParseUint: parsing \"18446744073709551616\": value out of range");
  EXPECT_EQ(error_with("ConnID", " 1"), "strconv.ParseUint: parsing \" 1\": invalid syntax");
  EXPECT_EQ(error_with("Trusted", "yes"), "strconv.ParseBool: parsing \"yes\": invalid syntax");
  for (auto const* spelling : {"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"}) {
    EXPECT_EQ(error_with("Trusted", spelling), "none");
  }
}

} // namespace
} // namespace weave::gossip
