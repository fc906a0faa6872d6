#include <set>
#include <string>

#include <gtest/gtest.h>
#include <sodium/crypto_hash_sha256.h>

#include "datapath/tunnel/secretbox_cipher.hpp"
#include "datapath/tunnel/sleeve_codec.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::datapath {
namespace {

using test::hex_member;
using Json = boost::json::object;

test::VectorFile& golden() { return test::VectorFile::load("datapath"); }

std::string text(Json const& object, std::string_view key) { return std::string{object.at(key).as_string()}; }

std::size_t number(Json const& object, std::string_view key) { return object.at(key).to_number<std::size_t>(); }

std::string sha256(ByteView bytes) {
  Bytes digest(crypto_hash_sha256_BYTES);
  crypto_hash_sha256(digest.data(), bytes.data(), bytes.size());
  return to_hex(digest);
}

std::vector<Json const*> encrypted_vectors(std::string_view kind) {
  std::vector<Json const*> found;
  for (auto const& value : golden().all()) {
    auto const& vector = value.as_object();
    auto const* const encrypted = vector.if_contains("encrypted");
    if (text(vector, "kind") == kind && encrypted != nullptr && encrypted->as_bool()) found.push_back(&vector);
  }
  EXPECT_FALSE(found.empty()) << kind;
  return found;
}

std::uint64_t sequence_of(Json const& vector) {
  auto const field = hex_member(vector, "seq_field_hex");
  return *ByteReader{field}.u64() & ~(std::uint64_t{1} << 63);
}

SleeveChannel channel_of(Json const& vector) {
  return vector.at("df_channel").as_bool() ? SleeveChannel::df : SleeveChannel::fragmentable;
}

SecretboxCipher cipher_of(Json const& vector, bool we_dialled) {
  return {std::make_shared<Secret const>(hex_member(vector, "session_key")), we_dialled};
}

Bytes frame_of(Json const& frame) {
  return frame.contains("frame") ? hex_member(frame, "frame") : Bytes(number(frame, "len"));
}

/// The packet as its sender makes it, with the sequence number of the vector.
Bytes sealed_packet(Json const& vector) {
  auto cipher = cipher_of(vector, vector.at("sender_is_tcp_initiator").as_bool());
  Bytes earlier(kEncryptedPacketOverhead);
  for (std::uint64_t i = 0; i < sequence_of(vector); ++i) cipher.seal(earlier, channel_of(vector));
  Bytes buffer(65535);
  auto const sender = *PeerName::parse(text(vector, "sender_peer"));
  SleevePacketWriter writer{buffer, sender, kMaxUdpPayload, true};
  for (auto const& value : vector.at("frames").as_array()) {
    auto const& frame = value.as_object();
    EXPECT_TRUE(
        writer.append(*PeerName::parse(text(frame, "src")), *PeerName::parse(text(frame, "dst")), frame_of(frame)));
  }
  cipher.seal(writer.packet(), channel_of(vector));
  return {writer.packet().begin(), writer.packet().end()};
}

void expect_opened(Json const& vector, Bytes packet) {
  auto receiver = cipher_of(vector, !vector.at("sender_is_tcp_initiator").as_bool());
  auto const copy = packet;
  auto const opened = receiver.open(packet);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->channel, channel_of(vector));
  SleeveFrameReader reader{opened->frames};
  for (auto const& value : vector.at("frames").as_array()) {
    auto const& expected = value.as_object();
    auto const frame = reader.next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->source.to_string(), text(expected, "src"));
    EXPECT_EQ(frame->destination.to_string(), text(expected, "dst"));
    if (expected.contains("frame")) {
      EXPECT_EQ(to_hex(frame->frame), text(expected, "frame"));
    } else {
      EXPECT_EQ(sha256(frame->frame), text(expected, "frame_sha256"));
    }
  }
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.fault(), SleeveFault::none);
  packet = copy;
  auto const again = receiver.open(packet);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), SleeveRefusal::replayed);
}

constexpr std::uint64_t kCountable = 1000;

TEST(SleeveCipher, RecordedPackets) {
  for (auto const* const vector : encrypted_vectors("sleeve-packet")) {
    SCOPED_TRACE(text(*vector, "name"));
    auto const recorded = hex_member(*vector, "hex");
    bool const whole = !vector->contains("hex_is_prefix");
    if (sequence_of(*vector) < kCountable) {
      auto const packet = sealed_packet(*vector);
      ASSERT_EQ(packet.size(), number(*vector, "packet_len"));
      EXPECT_EQ(to_hex(ByteView{packet}.first(recorded.size())), to_hex(recorded));
      if (vector->contains("sha256")) {
        EXPECT_EQ(sha256(packet), text(*vector, "sha256"));
      }
      expect_opened(*vector, packet);
    }
    auto const octets = hex_member(*vector, "seq_field_hex");
    auto const nonce =
        SecretboxCipher::nonce_of(*ByteReader{octets}.u64(), vector->at("sender_is_tcp_initiator").as_bool());
    EXPECT_EQ(to_hex(nonce), text(*vector, "nonce_hex"));
    if (whole) expect_opened(*vector, recorded);
    golden().covered(text(*vector, "name"));
  }
}

TEST(SleeveCipher, CapturedPackets) {
  for (auto const* const vector : encrypted_vectors("capture-sleeve")) {
    SCOPED_TRACE(text(*vector, "name"));
    auto const recorded = hex_member(*vector, "hex");
    if (!vector->contains("hex_is_prefix")) {
      expect_opened(*vector, recorded);
    } else {
      // Only the beginning is recorded: of frames of zeros the rest is known, of others the lengths.
      auto const& frame = vector->at("frames").as_array().front().as_object();
      EXPECT_EQ(kEncryptedPacketOverhead + kFrameOverhead + number(frame, "len"), number(*vector, "packet_len"));
      if (text(frame, "kind") == "frag-test") {
        EXPECT_EQ(to_hex(ByteView{sealed_packet(*vector)}.first(recorded.size())), to_hex(recorded));
      }
    }
    golden().covered(text(*vector, "name"));
  }
}

TEST(SleeveCipher, MalformedPackets) {
  for (auto const* const vector : encrypted_vectors("sleeve-malformed")) {
    SCOPED_TRACE(text(*vector, "name"));
    bool const wrong_polarity = text(*vector, "name").ends_with("wrong-polarity");
    bool const sender_dialled = vector->at("sender_is_tcp_initiator").as_bool();
    auto receiver = cipher_of(*vector, wrong_polarity ? sender_dialled : !sender_dialled);
    auto packet = hex_member(*vector, "hex");
    auto const opened = receiver.open(packet);
    ASSERT_FALSE(opened);
    bool const is_short = text(*vector, "original_error").find("too short") != std::string::npos;
    EXPECT_EQ(opened.error(), is_short ? SleeveRefusal::too_short : SleeveRefusal::not_authentic);
    golden().covered(text(*vector, "name"));
  }
}

struct Ends {
  std::shared_ptr<Secret const> key = std::make_shared<Secret const>(Bytes(32, 7));
  SecretboxCipher sender{key, true};
  SecretboxCipher receiver{key, false};

  Bytes sealed(SleeveChannel channel) {
    Bytes packet(kEncryptedPacketOverhead + 20, 9);
    sender.seal(packet, channel);
    return packet;
  }
};

TEST(SleeveCipher, NoNonceRepeatsAndNoneIsOfTcp) {
  std::set<std::string> seen;
  Ends ends;
  constexpr int kPackets = 20'000;
  for (int i = 0; i < kPackets; ++i) {
    for (auto const channel : {SleeveChannel::df, SleeveChannel::fragmentable}) {
      auto const packet = ends.sealed(channel);
      for (bool const dialled : {true, false}) {
        auto const field = *ByteReader{ByteView{packet}.subspan(kSleeveNameSize)}.u64();
        auto const nonce = SecretboxCipher::nonce_of(field, dialled);
        EXPECT_EQ(nonce[0] & 0x40, 0);
        seen.emplace(nonce.begin(), nonce.end());
      }
    }
  }
  EXPECT_EQ(seen.size(), 4U * kPackets);
}

TEST(SleeveCipher, EveryChangedOctetIsNoticed) {
  Ends ends;
  auto const good = ends.sealed(SleeveChannel::df);
  for (std::size_t at = kSleeveNameSize; at < good.size(); ++at) {
    auto bad = good;
    bad[at] ^= 0x10;
    EXPECT_FALSE(ends.receiver.open(bad)) << at;
  }
  auto packet = good;
  EXPECT_TRUE(ends.receiver.open(packet)) << "refused packets have not moved the window";
}

TEST(SleeveCipher, ClearPacketsAreRefused) {
  Ends ends;
  Bytes clear(100);
  EXPECT_FALSE(ends.receiver.open(clear));
  for (std::size_t size = 0; size < kEncryptedPacketOverhead; ++size) {
    Bytes small(size);
    ASSERT_FALSE(ends.receiver.open(small));
  }
}

} // namespace
} // namespace weave::datapath
