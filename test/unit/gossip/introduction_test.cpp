#include "gossip/introduction.hpp"

#include <gtest/gtest.h>

#include "gossip/password_keys.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::gossip {
namespace {

namespace json = boost::json;
using test::VectorFile;

VectorFile& mesh() { return VectorFile::load("mesh"); }

Bytes hex(std::string_view text) { return parse_hex(text).value(); }

VersionRange range_of(json::value const& pair) {
  return {pair.at(0).to_number<std::uint8_t>(), pair.at(1).to_number<std::uint8_t>()};
}

Features features_of(json::value const& value) {
  Features features;
  for (auto const& [key, text] : value.as_object()) features[std::string{key}] = std::string{text.as_string()};
  return features;
}

TEST(ProtocolHeader, Vectors) {
  for (auto const* name : {"protocol_header_1_2", "protocol_header_1_1", "protocol_header_2_2"}) {
    auto const& vector = mesh().named(name);
    VersionRange const range{vector.at("min_version").to_number<std::uint8_t>(),
                             vector.at("max_version").to_number<std::uint8_t>()};
    EXPECT_EQ(encode_protocol_header(range), test::hex_member(vector, "hex"));
    mesh().covered(name);
  }
}

void check_negotiation(json::object const& row) {
  auto const theirs = encode_protocol_header(range_of(row.at("theirs")));
  auto const version = negotiate_version(theirs, range_of(row.at("ours")));
  if (auto const* error = row.if_contains("error")) {
    ASSERT_FALSE(version);
    EXPECT_EQ(version.error().text(), error->as_string());
  } else {
    ASSERT_TRUE(version) << version.error().text();
    EXPECT_EQ(*version, row.at("version").to_number<std::uint8_t>());
  }
}

void check_unfinished_header(json::object const& row) {
  Introduction introduction{{1, 2}, {}, nullptr, false};
  auto const taken = introduction.on_bytes(test::hex_member(row, "received_hex_then_eof"));
  auto const error = taken ? introduction.explain({ErrorKind::unavailable, "EOF"}) : taken.error();
  EXPECT_EQ(error.text(), row.at("error").as_string());
}

TEST(ProtocolHeader, NegotiationTable) {
  for (auto const& row : mesh().named("protocol_header_negotiation").at("table").as_array()) {
    SCOPED_TRACE(row);
    if (row.as_object().contains("theirs"))
      check_negotiation(row.as_object());
    else
      check_unfinished_header(row.as_object());
  }
  mesh().covered("protocol_header_negotiation");
}

TEST(ProtocolHeader, ARemoteOfVersionOneIsRefusedByDefault) {
  Introduction introduction{{}, {}, nullptr, true};
  auto const taken = introduction.on_bytes(hex("77656176650101"));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().text(), "remote version range [1,1] is incompatible with ours [2,2]");
}

/// One end of a handshake vector: what it writes, given what the other end writes.
struct Side {
  std::string writes;
  std::string result;
  std::string reads;
  bool we_dialled;
};

/// The keys of the end that dialled ("a") or accepted ("b"), if the vector gives that end a password.
std::unique_ptr<KeyExchange> keys_of(json::object const& vector, bool we_dialled) {
  std::string const end{we_dialled ? "a_" : "b_"};
  auto const* const password = vector.if_contains(end + "password");
  if (password == nullptr || password->as_string().empty()) return nullptr;
  return std::make_unique<PasswordKeyExchange>(
      std::make_shared<Secret const>(Secret::of(std::string_view{password->as_string()})),
      Secret{test::hex_member(vector, end + "private")});
}

/// The original offers 01 02; so does this end, to be byte-exact.
Introduction introduction_of(json::object const& vector, Side const& other, bool we_dialled) {
  auto const& seen = vector.at(other.result).at("features_seen");
  auto features = seen.is_null() ? Features{} : features_of(seen);
  return {{1, 2}, std::move(features), keys_of(vector, we_dialled), we_dialled};
}

/// Plays one end against the recorded other end, `step` octets at a time, and returns everything written.
Bytes play(Introduction& introduction, ByteView incoming, std::size_t step) {
  Bytes written = introduction.start();
  while (!incoming.empty()) {
    auto const piece = incoming.first(std::min(step, incoming.size()));
    incoming = incoming.subspan(piece.size());
    auto const answer = introduction.on_bytes(piece);
    EXPECT_TRUE(answer) << answer.error().text();
    if (!answer) break;
    written.insert(written.end(), answer->begin(), answer->end());
  }
  return written;
}

Bytes expected_writes(json::object const& vector, Side const& side) {
  Bytes bytes;
  // Header, flag and features; what follows are messages.
  for (std::size_t i = 0; i < 3; ++i) {
    auto const piece = test::hex_member(vector.at(side.writes).at(i).as_object(), "hex");
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  return bytes;
}

void check_side(json::object const& vector, Side const& ours, Side const& theirs, std::size_t step) {
  auto introduction = introduction_of(vector, theirs, ours.we_dialled);
  auto const incoming = test::hex_member(vector, ours.reads);
  EXPECT_EQ(to_hex(play(introduction, incoming, step)), to_hex(expected_writes(vector, ours)));
  ASSERT_EQ(introduction.phase(), Introduction::Phase::done);
  EXPECT_EQ(introduction.version(), 2);
  EXPECT_EQ(introduction.remote_features(), features_of(vector.at(ours.result).at("features_seen")));
}

TEST(Introduction, ClearVectorBothEndsInPiecesOfAnySize) {
  auto const& vector = mesh().named("handshake_v2_clear");
  Side const a{"a_to_b_writes", "a_result", "b_to_a", true};
  Side const b{"b_to_a_writes", "b_result", "a_to_b", false};
  for (std::size_t const step : {1UL, 2UL, 7UL, 8UL, 100UL, 4096UL}) {
    check_side(vector, a, b, step);
    check_side(vector, b, a, step);
  }
  mesh().covered("handshake_v2_clear");
}

TEST(Introduction, MessagesBehindTheFeaturesAreKept) {
  auto const& vector = mesh().named("handshake_v2_clear");
  Introduction introduction{{}, {}, nullptr, true};
  ASSERT_TRUE(introduction.on_bytes(test::hex_member(vector, "b_to_a")));
  auto frames = introduction.take_frames();
  for (auto const& message : vector.at("b_messages_after_intro").as_array()) {
    EXPECT_EQ(to_hex(frames.next().value().value()), message.as_string());
  }
  EXPECT_EQ(frames.buffered(), 0U);
}

TEST(Introduction, EncryptedVectorBothEndsInPiecesOfAnySize) {
  auto const& vector = mesh().named("handshake_v2_encrypted");
  Side const a{"a_to_b_writes", "a_result", "b_to_a", true};
  Side const b{"b_to_a_writes", "b_result", "a_to_b", false};
  for (std::size_t const step : {1UL, 7UL, 40UL, 4096UL}) {
    check_side(vector, a, b, step);
    check_side(vector, b, a, step);
  }
  mesh().covered("handshake_v2_encrypted");
}

TEST(Introduction, MessagesBehindTheFeaturesAreOpenedInTheirOrder) {
  auto const& vector = mesh().named("handshake_v2_encrypted");
  Introduction introduction{{1, 2}, {}, keys_of(vector, true), true};
  ASSERT_TRUE(introduction.on_bytes(test::hex_member(vector, "b_to_a")));
  auto frames = introduction.take_frames();
  auto const sealer = introduction.take_sealer();
  EXPECT_EQ(introduction.take_session_key().octets().size(), 32U);
  for (auto const& message : vector.at("b_messages_after_intro").as_array()) {
    auto const opened = sealer->open(frames.next().value().value());
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(to_hex(*opened), message.as_string());
  }
}

TEST(Introduction, AnotherPasswordShowsInTheFirstSealedMessage) {
  auto const& vector = mesh().named("handshake_v2_wrong_password");
  for (bool const we_dialled : {true, false}) {
    Introduction introduction{{1, 2}, {}, keys_of(vector, we_dialled), we_dialled};
    auto const taken = introduction.on_bytes(test::hex_member(vector, we_dialled ? "b_to_a" : "a_to_b"));
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().text(), "Unable to decrypt TCP msg (the passwords differ)");
    EXPECT_GT(introduction.take_unsent().size(), 33U) << "our features, which the remote refuses too";
  }
  mesh().covered("handshake_v2_wrong_password");
}

TEST(Introduction, EncryptionWantedByTheRemoteOnly) {
  auto const& vector = mesh().named("handshake_v2_password_vs_none");
  Introduction introduction{{1, 2}, {}, nullptr, false};
  Bytes written = introduction.start();
  auto const a_to_b = test::hex_member(vector, "a_to_b");
  auto const header = introduction.on_bytes(ByteView{a_to_b}.first(7));
  ASSERT_TRUE(header);
  written.insert(written.end(), header->begin(), header->end());
  EXPECT_EQ(written, test::hex_member(vector, "b_to_a"));
  auto const flag = introduction.on_bytes(ByteView{a_to_b}.subspan(7));
  ASSERT_FALSE(flag);
  EXPECT_EQ(flag.error().text(),
            std::string{vector.at("b_result").at("error").as_string()} + " (this host has no password)");
}

/// What both ends of a version 1 vector write: header, definition and value, of which the map's order is arbitrary.
void check_v1_writes(json::object const& vector, Side const& side, ByteView written) {
  auto const recorded = expected_writes(vector, side);
  ASSERT_EQ(written.size(), recorded.size());
  EXPECT_EQ(to_hex(written.first(7)), to_hex(ByteView{recorded}.first(7)));
  auto const features = decode_features(written.subspan(7));
  ASSERT_TRUE(features) << features.error().text();
  EXPECT_EQ(*features, decode_features(ByteView{recorded}.subspan(7)).value());
}

/// Which versions an end of a vector offers, as its recorded header says.
VersionRange versions_of(json::object const& vector, Side const& side) {
  auto const header = test::hex_member(vector.at(side.writes).at(0).as_object(), "hex");
  return {header.at(5), header.at(6)};
}

void check_v1_messages(json::object const& vector, Side const& ours, Introduction& introduction) {
  EXPECT_EQ(introduction.framing(), Framing::gob);
  auto frames = introduction.take_frames();
  auto const sealer = introduction.take_sealer();
  auto const* const theirs = ours.we_dialled ? "b_messages_after_intro" : "a_messages_after_intro";
  for (auto const& message : vector.at(theirs).as_array()) {
    auto const opened = sealer->open(frames.next().value().value());
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(to_hex(*opened), message.as_string());
  }
  EXPECT_EQ(frames.buffered(), 0U);
  auto const* const own = ours.we_dialled ? "a_messages_after_intro" : "b_messages_after_intro";
  std::size_t write = 3;
  for (auto const& message : vector.at(own).as_array()) {
    auto const frame = encode_frame(hex(std::string_view{message.as_string()}), *sealer, Framing::gob);
    ASSERT_TRUE(frame);
    EXPECT_EQ(to_hex(*frame), vector.at(ours.writes).at(write++).at("hex").as_string());
  }
}

void check_v1_side(json::object const& vector, Side const& ours, Side const& theirs, std::size_t step) {
  auto features = features_of(vector.at(theirs.result).at("features_seen"));
  // Not for everybody's eyes: version 1 does not say them.
  features["Overlays"] = "sleeve";
  features["ShortID"] = "7";
  Introduction introduction{versions_of(vector, ours), std::move(features), keys_of(vector, ours.we_dialled),
                            ours.we_dialled};
  auto const incoming = test::hex_member(vector, ours.reads);
  check_v1_writes(vector, ours, play(introduction, incoming, step));
  ASSERT_EQ(introduction.phase(), Introduction::Phase::done);
  EXPECT_EQ(introduction.version(), 1);
  EXPECT_EQ(introduction.remote_features(), features_of(vector.at(ours.result).at("features_seen")));
  check_v1_messages(vector, ours, introduction);
}

TEST(IntroductionV1, VectorsBothEndsInPiecesOfAnySize) {
  Side const a{"a_to_b_writes", "a_result", "b_to_a", true};
  Side const b{"b_to_a_writes", "b_result", "a_to_b", false};
  for (auto const* const name : {"handshake_v1_clear", "handshake_v1_encrypted"}) {
    auto const& vector = mesh().named(name);
    for (std::size_t const step : {1UL, 2UL, 7UL, 8UL, 22UL, 100UL, 4096UL}) {
      SCOPED_TRACE(std::string{name} + " by " + std::to_string(step));
      check_v1_side(vector, a, b, step);
      check_v1_side(vector, b, a, step);
    }
    mesh().covered(name);
  }
}

TEST(IntroductionV1, APasswordAtOneEndOnlyIsRefusedAtBoth) {
  auto const& vector = mesh().named("handshake_v1_password_vs_none");
  for (bool const we_dialled : {true, false}) {
    Introduction introduction{{1, 1}, {}, keys_of(vector, we_dialled), we_dialled};
    auto const taken = introduction.on_bytes(test::hex_member(vector, we_dialled ? "b_to_a" : "a_to_b"));
    ASSERT_FALSE(taken);
    std::string const original{vector.at(we_dialled ? "a_result" : "b_result").at("error").as_string()};
    EXPECT_TRUE(taken.error().text().starts_with(original + " (")) << taken.error().text();
    EXPECT_FALSE(introduction.take_unsent().empty()) << "the remote has to see it too";
  }
  mesh().covered("handshake_v1_password_vs_none");
}

TEST(IntroductionV1, OnlyWhereBothEndsKnowNoMore) {
  for (VersionRange const ours : {VersionRange{1, 2}, VersionRange{2, 2}}) {
    Introduction introduction{ours, {}, nullptr, false};
    auto const answer = introduction.on_bytes(hex("77656176650102"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(to_hex(*answer), "00") << "the flag of version 2";
  }
}

std::string v1_error_after(std::string_view stream, bool password = false) {
  Introduction introduction{
      {1, 2}, {}, password ? keys_of(mesh().named("handshake_v1_encrypted"), false) : nullptr, false};
  auto const taken = introduction.on_bytes(hex("77656176650101" + std::string{stream}));
  return taken ? "none" : taken.error().text();
}

TEST(IntroductionV1, HostileInput) {
  EXPECT_EQ(v1_error_after("fcffffffff"), "incoming message exceeds maximum size: 4294967295 > 65536");
  EXPECT_EQ(v1_error_after("90"), "gob: encoded unsigned integer out of range");
  EXPECT_EQ(v1_error_after("fd0100"), "none") << "the count is not whole";
  EXPECT_EQ(v1_error_after("00"), "unexpected EOF");
  EXPECT_EQ(v1_error_after("030c0000"), "gob: type mismatch: expected map, received string");
  std::string definitions;
  for (int id = 65; id < 65 + 17; ++id)
    definitions += "0eff" + to_hex(Bytes{static_cast<std::uint8_t>(2 * id - 1)}) + "040102ff8200010c010c0000";
  EXPECT_EQ(v1_error_after(definitions), "gob: too many type definitions");
  EXPECT_EQ(v1_error_after(to_hex(encode_features({{"PublicKey", "xy"}})), true),
            "peer sent a public key that is not hexadecimal");
  EXPECT_EQ(v1_error_after(to_hex(encode_features({{"PublicKey", "abcd"}})), true), "peer sent an unusable public key");
}

class FixedKeys final : public KeyExchange {
 public:
  explicit FixedKeys(Bytes key) : key_{std::move(key)} {}
  [[nodiscard]] ByteView public_key() const override { return key_; }
  [[nodiscard]] Result<Agreement> agree(ByteView theirs, bool) override {
    agreed_with = {theirs.begin(), theirs.end()};
    return Agreement{.sealer = std::make_unique<ClearSealer>(), .session_key = Secret{Bytes(32)}};
  }
  inline static Bytes agreed_with;

 private:
  Bytes key_;
};

TEST(Introduction, EncryptionWantedByUsOnly) {
  auto const& vector = mesh().named("handshake_v2_password_vs_none");
  Introduction introduction{{1, 2}, {}, std::make_unique<FixedKeys>(test::hex_member(vector, "a_public")), true};
  Bytes written = introduction.start();
  auto const answer = introduction.on_bytes(hex("77656176650102"));
  ASSERT_TRUE(answer);
  written.insert(written.end(), answer->begin(), answer->end());
  EXPECT_EQ(written, test::hex_member(vector, "a_to_b"));
  auto const flag = introduction.on_bytes(hex("00"));
  ASSERT_FALSE(flag);
  EXPECT_EQ(flag.error().text(),
            "password specified, but peer requested an unencrypted connection (the peer has no password)");
  mesh().covered("handshake_v2_password_vs_none");
}

TEST(Introduction, KeysAreExchangedBeforeTheFeatures) {
  Introduction introduction{{}, {{"Name", "x"}}, std::make_unique<FixedKeys>(Bytes(32, 0xaa)), true};
  ASSERT_TRUE(introduction.on_bytes(hex("77656176650202")));
  Bytes flag_and_key(33, 0xbb);
  flag_and_key[0] = 1;
  auto const early = introduction.on_bytes(ByteView{flag_and_key}.first(32));
  ASSERT_TRUE(early);
  EXPECT_TRUE(early->empty());
  auto const late = introduction.on_bytes(ByteView{flag_and_key}.last(1));
  ASSERT_TRUE(late);
  EXPECT_FALSE(late->empty());
  EXPECT_EQ(FixedKeys::agreed_with, Bytes(32, 0xbb));
}

std::string error_after(std::string_view flag_and_rest) {
  Introduction introduction{{}, {}, nullptr, false};
  auto const taken = introduction.on_bytes(hex(std::string{"77656176650102"} + std::string{flag_and_rest}));
  return taken ? "none" : taken.error().text();
}

TEST(Introduction, HostileInput) {
  EXPECT_EQ(error_after("02"), "Bad encryption flag 2");
  EXPECT_EQ(error_after("ff"), "Bad encryption flag 255");
  EXPECT_EQ(error_after("00ffffffff"), "incoming message exceeds maximum size: 4294967295 > 65536");
  EXPECT_EQ(error_after("0000000000"), "EOF");
  EXPECT_EQ(error_after("000000000405020304"), "unexpected EOF");
  EXPECT_EQ(error_after("0000000004030c0000"), "gob: type mismatch: expected map, received string");
  EXPECT_EQ(error_after("00"), "none");
}

TEST(Introduction, EndsAreExplainedByWhatWasMissing) {
  Introduction introduction{{}, {}, nullptr, false};
  ASSERT_TRUE(introduction.on_bytes(hex("77656176650102")));
  EXPECT_EQ(introduction.explain({ErrorKind::unavailable, "EOF"}).text(), "EOF");
  ASSERT_TRUE(introduction.on_bytes(hex("0000")));
  EXPECT_EQ(introduction.explain({ErrorKind::unavailable, "EOF"}).text(), "unexpected EOF");
}

} // namespace
} // namespace weave::gossip
