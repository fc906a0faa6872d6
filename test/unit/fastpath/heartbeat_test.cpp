#include "datapath/fastpath/heartbeat.hpp"

#include <array>
#include <charconv>
#include <random>

#include <gtest/gtest.h>
#include <sodium.h>

#include "datapath/fastpath/fast_path.hpp"
#include "datapath/packet/byte_order.hpp"
#include "test/unit/tunnel/vector_list.hpp"

namespace weave::datapath {
namespace {

constexpr ConnectionUid kUid{0x1122'3344'5566'7788};

ByteView head_of(Bytes const& frame) { return ByteView{frame}.first(std::min(frame.size(), kHeartbeatHead)); }

std::uint64_t decimal(std::string const& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

TEST(HeartbeatVectors, OfTheOriginal) {
  for (auto const* const vector : test::datapath_vectors("fastdp-heartbeat")) {
    SCOPED_TRACE(test::text(*vector, "name"));
    Heartbeat const heartbeat{ConnectionUid{decimal(test::text(*vector, "conn_uid"))}, {}};
    auto const mtu = test::number(*vector, "mtu");
    auto const frame = encode_heartbeat(heartbeat, mtu);
    EXPECT_EQ(frame.size(), test::number(*vector, "frame_len"));
    EXPECT_EQ(heartbeat_length(mtu), frame.size());
    auto const prefix = test::hex_member(*vector, "hex");
    EXPECT_EQ(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(prefix.size())), prefix);
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
    crypto_hash_sha256(digest.data(), frame.data(), frame.size());
    EXPECT_EQ(to_hex(digest), test::text(*vector, "sha256"));
    auto const decoded = decode_heartbeat(static_cast<std::uint32_t>(frame.size()), head_of(frame));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, heartbeat);
    test::passed(*vector);
  }
}

/// Frames on the wire between two original peers, as far as the kernel takes them apart.
TEST(HeartbeatVectors, CapturedVxlan) {
  constexpr std::size_t kIp = 14;
  constexpr std::size_t kUdp = kIp + 20;
  constexpr std::size_t kVxlan = kUdp + 8;
  constexpr std::size_t kInner = kVxlan + 8;
  for (auto const* const vector : test::datapath_vectors("capture-fastdp")) {
    SCOPED_TRACE(test::text(*vector, "name"));
    auto const packet = test::hex_member(*vector, "hex");
    ASSERT_EQ(packet.size(), test::number(*vector, "packet_len"));
    EXPECT_EQ(packet[kIp + 1], test::number(*vector, "outer_tos"));
    EXPECT_EQ(packet[kIp + 8], test::number(*vector, "outer_ttl"));
    EXPECT_EQ(load_u16(packet, kIp + 6), 0x4000);
    EXPECT_EQ(Ipv4Address{load_u32(packet, kIp + 12)}.to_string(), test::text(*vector, "outer_src"));
    EXPECT_EQ(load_u16(packet, kUdp + 2), 6784);
    EXPECT_EQ(load_u16(packet, kUdp + 6), 0); // checksum
    EXPECT_EQ(packet[kVxlan], 0x08);
    auto const vni = load_u32(packet, kVxlan + 4) >> 8;
    auto const ids = TunnelId::of_vni(vni);
    EXPECT_EQ(static_cast<std::uint32_t>(ids.source), test::number(*vector, "vni_src_short"));
    EXPECT_EQ(static_cast<std::uint32_t>(ids.destination), test::number(*vector, "vni_dst_short"));
    EXPECT_EQ(ids.vni(), test::number(*vector, "vni"));

    Bytes const inner(packet.begin() + kInner, packet.end());
    EXPECT_EQ(inner.size(), test::number(*vector, "inner_len"));
    auto const heartbeat = decode_heartbeat(static_cast<std::uint32_t>(inner.size()), head_of(inner));
    if (test::text(*vector, "name").ends_with("heartbeat")) {
      ASSERT_TRUE(heartbeat);
      EXPECT_EQ(heartbeat->connection, ConnectionUid{load_u64(test::hex_member(*vector, "conn_uid_hex"), 0)});
      EXPECT_FALSE(heartbeat->liveness);
      EXPECT_EQ(encode_heartbeat(*heartbeat, 1376), inner);
    } else {
      EXPECT_FALSE(heartbeat);
    }
    test::passed(*vector);
  }
}

TEST(HeartbeatVectors, TunnelIds) {
  for (auto const* const vector : test::datapath_vectors("fastdp-tunnel-id")) {
    SCOPED_TRACE(test::text(*vector, "name"));
    auto const id = [vector](std::string_view key) {
      return ShortId{static_cast<std::uint16_t>(test::number(*vector, key))};
    };
    TunnelId const ids{id("src_short_id"), id("dst_short_id")};
    EXPECT_EQ(ids.vni(), test::number(*vector, "vni"));
    EXPECT_EQ(TunnelId::of_vni(ids.vni()), ids);
    EXPECT_EQ(load_u64(test::hex_member(*vector, "hex"), 0), ids.vni());
    auto const header = test::hex_member(*vector, "vxlan_header_hex");
    EXPECT_EQ(load_u32(header, 4) >> 8, ids.vni());
    test::passed(*vector);
  }
}

TEST(Heartbeat, CarriesWhatOurPeersAdd) {
  for (bool const hears : {false, true}) {
    Heartbeat heartbeat{
        kUid, LivenessFields{.sequence = 0xfedc'ba98, .interval_ms = 400, .multiplier = 3, .hears_you = hears}};
    if (hears) heartbeat.liveness->echo = PathEcho{.sequence = 0xffff'fff0, .held = 399'999, .lost = 1234};
    auto const frame = encode_heartbeat(heartbeat, 1376);
    EXPECT_EQ(frame.size(), 1390U);
    auto const decoded = decode_heartbeat(1390, head_of(frame));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, heartbeat);
  }
}

TEST(Heartbeat, ALaterVersionIsReadAsFarAsWeKnowIt) {
  auto frame = encode_heartbeat({kUid, LivenessFields{.sequence = 7, .interval_ms = 100, .multiplier = 5}}, 1376);
  frame[26] = 9;
  frame[48] = 0xff;
  EXPECT_EQ(decode_heartbeat(1390, head_of(frame))->liveness->sequence, 7U);
  frame[26] = 0;
  EXPECT_FALSE(decode_heartbeat(1390, head_of(frame))->liveness);
}

TEST(Heartbeat, OneOfTheFirstVersionHasNoEcho) {
  LivenessFields const fields{.sequence = 7, .interval_ms = 400, .multiplier = 3, .echo = PathEcho{.sequence = 6}};
  auto frame = encode_heartbeat({kUid, fields}, 1376);
  EXPECT_EQ(frame[26], 2);
  frame[26] = 1;
  EXPECT_FALSE(decode_heartbeat(1390, head_of(frame))->liveness->echo);
  auto const narrow = encode_heartbeat({kUid, fields}, 33);
  EXPECT_EQ(narrow[26], 1);
  EXPECT_FALSE(decode_heartbeat(47, narrow)->liveness->echo);
  auto const enough = encode_heartbeat({kUid, fields}, 34);
  EXPECT_EQ(decode_heartbeat(48, enough)->liveness->echo, fields.echo);
  frame = encode_heartbeat({kUid, fields}, 1376);
  frame[44] = 0xff; // more lost than sent
  EXPECT_FALSE(decode_heartbeat(1390, head_of(frame))->liveness->echo);
}

TEST(Heartbeat, OtherFillMeansNothing) {
  auto frame = encode_heartbeat({kUid, {}}, 1376);
  frame[30] = 0xaa;
  auto const decoded = decode_heartbeat(1390, head_of(frame));
  ASSERT_TRUE(decoded);
  EXPECT_FALSE(decoded->liveness);
}

TEST(Heartbeat, TheSmallestHasNoRoomForMore) {
  auto const frame = encode_heartbeat({kUid, LivenessFields{}}, 0);
  EXPECT_EQ(frame.size(), 24U);
  EXPECT_EQ(decode_heartbeat(24, frame), (Heartbeat{kUid, {}}));
  auto const cut = encode_heartbeat({kUid, LivenessFields{}}, 21);
  EXPECT_FALSE(decode_heartbeat(35, cut)->liveness);
  EXPECT_TRUE(decode_heartbeat(36, encode_heartbeat({kUid, LivenessFields{}}, 22))->liveness);
}

TEST(Heartbeat, OthersAreNone) {
  auto const good = encode_heartbeat({kUid, {}}, 1376);
  EXPECT_FALSE(decode_heartbeat(0, {}));
  EXPECT_FALSE(decode_heartbeat(1391, head_of(good)));
  EXPECT_FALSE(decode_heartbeat(1389, head_of(good)));
  EXPECT_FALSE(decode_heartbeat(1390, ByteView{good}.first(23)));
  EXPECT_FALSE(decode_heartbeat(23, ByteView{good}.first(23)));
  EXPECT_FALSE(decode_heartbeat(30, ByteView{good}.first(40))); // more than there is
  for (std::size_t at = 0; at < 14; ++at) {
    auto frame = good;
    frame[at] = 1;
    EXPECT_FALSE(decode_heartbeat(1390, head_of(frame))) << at;
  }
  // The low 16 bits of the length count, as in the original.
  EXPECT_TRUE(decode_heartbeat(65536 + 1390, head_of(good)));
}

TEST(Heartbeat, AnyBytesAreRead) {
  std::minstd_rand random{5};
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes(random() % 65);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : 0);
    (void)decode_heartbeat(static_cast<std::uint32_t>(random() % 70), bytes);
  }
}

} // namespace
} // namespace weave::datapath
