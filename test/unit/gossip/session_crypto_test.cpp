#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <sodium/crypto_box.h>

#include "gossip/frame_codec.hpp"
#include "gossip/password_keys.hpp"
#include "gossip/secretbox_sealer.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::gossip {
namespace {

using test::VectorFile;

VectorFile& mesh() { return VectorFile::load("mesh"); }

PasswordKeyExchange exchange_of(std::string const& key_pair, std::string_view password) {
  return {std::make_shared<Secret const>(Secret::of(password)),
          Secret{test::hex_member(mesh().named(key_pair), "private")}};
}

Bytes public_key(std::string const& key_pair) { return test::hex_member(mesh().named(key_pair), "public"); }

Secret session_key() { return Secret{test::hex_member(mesh().named("session_key_secret"), "hex")}; }

TEST(SessionKey, PublicKeys) {
  for (auto const* const name : {"keypair_a", "keypair_b"}) {
    EXPECT_EQ(to_hex(exchange_of(name, "").public_key()), to_hex(public_key(name)));
    mesh().covered(name);
  }
  mesh().covered("x25519_shared_raw");
}

TEST(SessionKey, BothEndsComeToTheRecordedKey) {
  for (auto const* const name : {"session_key_secret", "session_key_p", "session_key_phrase", "session_key_utf8"}) {
    auto const& vector = mesh().named(name);
    auto const octets = test::hex_member(vector, "password_hex");
    auto const password = as_text(octets);
    auto const a = exchange_of("keypair_a", password).agree(public_key("keypair_b"), true);
    auto const b = exchange_of("keypair_b", password).agree(public_key("keypair_a"), false);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(to_hex(a->session_key.octets()), to_hex(test::hex_member(vector, "hex")));
    EXPECT_EQ(to_hex(b->session_key.octets()), to_hex(test::hex_member(vector, "hex")));
    mesh().covered(name);
  }
  mesh().covered("box_precomputed");
}

TEST(SessionKey, UnusablePublicKeysAreRefused) {
  auto keys = exchange_of("keypair_a", "secret");
  EXPECT_FALSE(keys.agree(Bytes(32), true)) << "a point of small order";
  EXPECT_FALSE(keys.agree(Bytes(31, 1), true));
  EXPECT_FALSE(keys.agree({}, true));
}

TEST(SessionKey, EachConnectionHasAPairOfItsOwn) {
  auto const make = keys_of_password(Secret::of("secret"));
  ASSERT_TRUE(make);
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(to_hex((*make)()->public_key()));
  EXPECT_EQ(seen.size(), 100U);
}

void check_frames(std::string const& name, bool sender_dialled) {
  SecretboxSealer sender{session_key(), sender_dialled};
  SecretboxSealer receiver{session_key(), !sender_dialled};
  MessageNonce nonce{sender_dialled};
  for (auto const& value : mesh().named(name).at("frames").as_array()) {
    auto const& row = value.as_object();
    auto const plain = test::hex_member(row, "plaintext");
    EXPECT_EQ(to_hex(nonce.next()), row.at("nonce").as_string());
    auto const frame = encode_frame(plain, sender);
    ASSERT_TRUE(frame);
    EXPECT_EQ(to_hex(*frame), row.at("frame").as_string());
    auto const opened = receiver.open(ByteView{*frame}.subspan(4));
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(to_hex(*opened), to_hex(plain));
  }
  mesh().covered(name);
}

TEST(SecretboxSealer, RecordedFramesBothWays) {
  check_frames("encrypted_frames_sender_outbound", true);
  check_frames("encrypted_frames_sender_inbound", false);
}

TEST(SecretboxSealer, WhatWasChangedIsRefused) {
  auto const frame = test::hex_member(mesh().named("encrypted_frame_tampered"), "hex");
  SecretboxSealer receiver{session_key(), false};
  auto const opened = receiver.open(ByteView{frame}.subspan(4));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().text(), mesh().named("encrypted_frame_tampered").at("error").as_string());
  mesh().covered("encrypted_frame_tampered");
  for (std::size_t size = 0; size < 16; ++size) {
    SecretboxSealer fresh{session_key(), false};
    EXPECT_FALSE(fresh.open(Bytes(size))) << size;
  }
}

TEST(SecretboxSealer, BothEndsOfOnePolarityDoNotUnderstandEachOther) {
  SecretboxSealer sender{session_key(), true};
  SecretboxSealer receiver{session_key(), true};
  auto const frame = encode_frame(Bytes{0}, sender);
  auto const opened = receiver.open(ByteView{*frame}.subspan(4));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().text(), mesh().named("encrypted_frame_wrong_polarity").at("error").as_string());
  mesh().covered("encrypted_frame_wrong_polarity");
}

TEST(SecretboxSealer, ARepeatedOrMissingMessageIsRefused) {
  SecretboxSealer sender{session_key(), true};
  Bytes first;
  Bytes second;
  sender.seal(Bytes{1}, first);
  sender.seal(Bytes{2}, second);
  SecretboxSealer replayed{session_key(), false};
  ASSERT_TRUE(replayed.open(first));
  EXPECT_FALSE(replayed.open(first));
  SecretboxSealer missing{session_key(), false};
  EXPECT_FALSE(missing.open(second));
}

TEST(MessageNonce, NoneRepeatsInEitherDirection) {
  std::set<std::string> seen;
  MessageNonce dialler{true};
  MessageNonce accepter{false};
  constexpr std::size_t kMessages = 70'000;
  for (std::size_t i = 0; i < kMessages; ++i) {
    for (auto* const nonce : {&dialler, &accepter}) {
      auto const value = nonce->next();
      EXPECT_NE(value[0] & 0x40, 0) << "nonces of tunnels leave it clear";
      seen.emplace(value.begin(), value.end());
    }
  }
  EXPECT_EQ(seen.size(), 2 * kMessages);
}

} // namespace
} // namespace weave::gossip
