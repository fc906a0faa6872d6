#include <string>

#include <gtest/gtest.h>
#include <sodium/crypto_hash_sha256.h>

#include "datapath/packet/classify.hpp"
#include "datapath/packet/headers.hpp"
#include "datapath/tunnel/replay_window.hpp"
#include "datapath/tunnel/sleeve_codec.hpp"
#include "datapath/tunnel/sleeve_plan.hpp"
#include "datapath/tunnel/sleeve_special.hpp"
#include "datapath/tunnel/tunnel_id.hpp"
#include "test/unit/tunnel/vector_list.hpp"

namespace weave::datapath {
namespace {

using test::datapath_vectors;
using test::hex_member;
using test::number;
using test::passed;
using test::text;
using Json = boost::json::object;

std::string sha256(ByteView bytes) {
  Bytes digest(crypto_hash_sha256_BYTES);
  crypto_hash_sha256(digest.data(), bytes.data(), bytes.size());
  return to_hex(digest);
}

/// The whole UDP payload. Vectors of long special frames hold a prefix; the rest is zero.
Bytes whole_packet(Json const& vector) {
  auto packet = hex_member(vector, "hex");
  if (vector.contains("hex_is_prefix")) packet.resize(number(vector, "packet_len"));
  return packet;
}

bool is_clear(Json const& vector) { return !vector.at("encrypted").as_bool(); }

void expect_frame(Json const& expected, SleeveFrame const& frame) {
  EXPECT_EQ(frame.source.to_string(), text(expected, "src"));
  EXPECT_EQ(frame.destination.to_string(), text(expected, "dst"));
  EXPECT_EQ(frame.frame.size(), number(expected, "len"));
  if (expected.contains("frame")) {
    EXPECT_EQ(to_hex(frame.frame), text(expected, "frame"));
  } else {
    EXPECT_EQ(sha256(frame.frame), text(expected, "frame_sha256"));
  }
}

void expect_round_trip(Json const& vector) {
  auto const packet = whole_packet(vector);
  ASSERT_EQ(packet.size(), number(vector, "packet_len"));
  if (vector.contains("sha256")) {
    EXPECT_EQ(sha256(packet), text(vector, "sha256"));
  }
  ASSERT_EQ(sleeve_sender(packet)->to_string(), text(vector, "sender_peer"));
  auto reader = SleeveFrameReader::of_clear_packet(packet);
  Bytes buffer(65535);
  SleevePacketWriter writer{buffer, *sleeve_sender(packet), kMaxUdpPayload};
  for (auto const& expected : vector.at("frames").as_array()) {
    auto const frame = reader.next();
    ASSERT_TRUE(frame);
    expect_frame(expected.as_object(), *frame);
    EXPECT_TRUE(writer.append(frame->source, frame->destination, frame->frame));
  }
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.fault(), SleeveFault::none);
  EXPECT_EQ(Bytes(writer.packet().begin(), writer.packet().end()), packet);
}

TEST(SleeveVectors, ClearPackets) {
  for (auto const* const vector : datapath_vectors("sleeve-packet")) {
    if (!is_clear(*vector)) continue;
    SCOPED_TRACE(text(*vector, "name"));
    expect_round_trip(*vector);
    passed(*vector);
  }
}

TEST(SleeveVectors, SpecialFramesThatWeMake) {
  auto const frame_of = [](std::string const& name) {
    auto const packet = whole_packet(test::VectorFile::load("datapath").named("sleeve-plain-" + name));
    auto const frame = SleeveFrameReader::of_clear_packet(packet).next()->frame;
    return Bytes(frame.begin(), frame.end());
  };
  EXPECT_EQ(make_heartbeat(ConnectionUid{0x1122'3344'5566'7788}), frame_of("heartbeat"));
  EXPECT_EQ(make_path_mtu_test(552), frame_of("pmtu-verify-552"));
  EXPECT_EQ(make_path_mtu_test(1438), frame_of("pmtu-verify-1438"));
  EXPECT_EQ(make_path_mtu_test(1414), frame_of("pmtu-verify-1414"));
  EXPECT_EQ(make_fragmentation_test(), frame_of("frag-test"));
  EXPECT_EQ(make_discovery(), frame_of("pmtu-discovery"));
}

/// What the captured original did with this kind of frame: class, and whether it used the df channel.
void expect_kind(Json const& vector, Json const& frame_vector, ByteView frame) {
  auto const kind = text(frame_vector, "kind");
  auto const frame_kind = classify_frame(frame);
  SleevePath path;
  path.remote = Ipv4Endpoint{};
  path.mtu = 1438;
  path.max_payload = 1472;
  path.fragmentation_trusted = true;
  bool const df = vector.at("outer_df").as_bool();
  if (kind == "heartbeat" || kind == "frag-test" || kind == "pmtu-test") {
    EXPECT_EQ(frame_kind, FrameKind::special);
    auto const special = kind == "heartbeat"   ? SpecialKind::heartbeat
                         : kind == "frag-test" ? SpecialKind::fragmentation_test
                                               : SpecialKind::path_mtu_test;
    EXPECT_EQ(special_kind(frame.size()), special);
    EXPECT_EQ(df, special != SpecialKind::fragmentation_test);
    return;
  }
  auto const expected = kind == "icmp-df"                       ? FrameKind::ipv4_df
                        : kind.starts_with("icmp-nodf")         ? FrameKind::ipv4
                        : load_u16(frame, 12) == kEtherTypeIpv6 ? FrameKind::ipv6
                                                                : FrameKind::other;
  EXPECT_EQ(frame_kind, expected);
  EXPECT_EQ(plan_sleeve(path, frame_kind, frame.size(), false),
            df ? SleevePlan::send_df : SleevePlan::send_fragmentable);
}

TEST(SleeveVectors, CapturedClearPackets) {
  for (auto const* const vector : datapath_vectors("capture-sleeve")) {
    if (!is_clear(*vector)) continue;
    SCOPED_TRACE(text(*vector, "name"));
    auto const packet = whole_packet(*vector);
    auto const& frames = vector->at("frames").as_array();
    // Of this one only the beginning is recorded, so its content cannot be compared.
    if (text(*vector, "name") != "capture-sleeve-plain-icmp-nodf-big") expect_round_trip(*vector);
    auto reader = SleeveFrameReader::of_clear_packet(packet);
    for (auto const& expected : frames) {
      auto const frame = reader.next();
      ASSERT_TRUE(frame);
      EXPECT_EQ(frame->frame.size(), number(expected.as_object(), "len"));
      expect_kind(*vector, expected.as_object(), frame->frame);
      if (text(expected.as_object(), "kind") == "heartbeat") {
        auto const uid = ByteWriter{}.u64(static_cast<std::uint64_t>(*heartbeat_uid(frame->frame))).take();
        EXPECT_EQ(to_hex(uid), text(*vector, "conn_uid_hex"));
      }
    }
    EXPECT_FALSE(reader.next());
    EXPECT_EQ(reader.fault(), SleeveFault::none);
    passed(*vector);
  }
}

TEST(SleeveVectors, MalformedClearPackets) {
  for (auto const* const vector : datapath_vectors("sleeve-malformed")) {
    if (vector->contains("encrypted")) continue;
    SCOPED_TRACE(text(*vector, "name"));
    auto const packet = hex_member(*vector, "hex");
    auto const error = text(*vector, "original_error");
    if (error.find("shorter than a peer name") != std::string::npos) {
      EXPECT_FALSE(sleeve_sender(packet));
    } else {
      auto reader = SleeveFrameReader::of_clear_packet(packet);
      std::size_t delivered = 0;
      while (reader.next()) ++delivered;
      EXPECT_EQ(delivered, number(*vector, "frames_delivered_before_error"));
      auto const fault = error.empty()                                 ? SleeveFault::none
                         : error.find("trailing") != std::string::npos ? SleeveFault::trailing_bytes
                                                                       : SleeveFault::truncated_frame;
      EXPECT_EQ(reader.fault(), fault);
    }
    passed(*vector);
  }
}

TEST(SleeveVectors, Overheads) {
  for (auto const* const vector : datapath_vectors("sleeve-mtu-arithmetic")) {
    SCOPED_TRACE(text(*vector, "name"));
    SleeveMtu const sizes{vector->at("encrypted").as_bool()};
    EXPECT_EQ(sizes.packet_overhead(), number(*vector, "packet_overhead"));
    EXPECT_EQ(kFrameOverhead, number(*vector, "frame_overhead"));
    EXPECT_EQ(sizes.total_overhead(), number(*vector, "total_overhead_df"));
    for (auto const& item : vector->at("table").as_array()) {
      auto const& row = item.as_object();
      auto const mtu = sizes.mtu(number(row, "underlay_pmtu"));
      EXPECT_EQ(mtu, number(row, "mtu"));
      EXPECT_EQ(sizes.max_payload(mtu), number(row, "max_payload"));
      EXPECT_EQ(make_path_mtu_test(mtu).size(), number(row, "test_frame_len"));
      EXPECT_EQ(sizes.packet_overhead() + kFrameOverhead + SleeveMtu::test_frame_size(mtu),
                number(row, "udp_payload_of_test_packet"));
    }
    passed(*vector);
  }
}

TEST(SleeveVectors, ReplayWindow) {
  for (auto const* const vector : datapath_vectors("sleeve-replay-script")) {
    EXPECT_EQ(ReplayWindow::kBits, number(*vector, "window_bits"));
    ReplayWindow window;
    for (auto const& item : vector->at("steps").as_array()) {
      auto const& step = item.as_object();
      EXPECT_EQ(window.accept(std::stoull(text(step, "seq"))), step.at("accepted").as_bool()) << text(step, "seq");
    }
    passed(*vector);
  }
}

TEST(TunnelVectors, TunnelIds) {
  for (auto const* const vector : datapath_vectors("fastdp-tunnel-id")) {
    SCOPED_TRACE(text(*vector, "name"));
    TunnelId const id{ShortId{static_cast<std::uint16_t>(number(*vector, "src_short_id"))},
                      ShortId{static_cast<std::uint16_t>(number(*vector, "dst_short_id"))}};
    EXPECT_EQ(id.vni(), number(*vector, "vni"));
    EXPECT_EQ(to_hex(ByteWriter{}.u64(id.vni()).take()), text(*vector, "hex"));
    EXPECT_EQ(to_hex(ByteWriter{}.u32(0x0800'0000).u32(id.vni() << 8).take()), text(*vector, "vxlan_header_hex"));
    EXPECT_EQ(TunnelId::of_vni(id.vni()), id);
    passed(*vector);
  }
}

} // namespace
} // namespace weave::datapath
