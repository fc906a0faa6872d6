#include "datapath/tunnel/sleeve_codec.hpp"

#include <string>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "datapath/tunnel/sleeve_special.hpp"

namespace weave::datapath {
namespace {

constexpr PeerName kSender{0x0a0b0c0d0e0f};

TEST(SleevePacketWriter, StopsAtTheLimitToTheByte) {
  Bytes buffer(2000);
  Bytes const frame(100, 7);
  std::size_t const limit = kClearPacketOverhead + 3 * (kFrameOverhead + frame.size());
  for (std::size_t const slack : {0U, 1U, 113U}) {
    SleevePacketWriter writer{buffer, kSender, limit + slack};
    EXPECT_TRUE(writer.empty());
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(writer.append(PeerName{1}, PeerName{2}, frame));
    EXPECT_FALSE(writer.append(PeerName{1}, PeerName{2}, frame));
    EXPECT_EQ(writer.frames(), 3U);
    EXPECT_EQ(writer.packet().size(), limit);
  }
}

TEST(SleevePacketWriter, TakesAHundredFramesAndTinyBuffersTakeNone) {
  Bytes buffer(65535);
  SleevePacketWriter writer{buffer, kSender, kMaxUdpPayload};
  std::size_t count = 0;
  while (writer.append(PeerName{1}, PeerName{2}, Bytes(14))) ++count;
  EXPECT_EQ(count, kMaxAggregatedFrames);
  for (std::size_t size = 0; size < kClearHeadroom; ++size) {
    SleevePacketWriter small{MutableBytes{buffer}.first(size), kSender, 1000};
    EXPECT_FALSE(small.append(PeerName{1}, PeerName{2}, {}));
  }
}

TEST(SleevePacketWriter, LeavesRoomForEncryption) {
  Bytes buffer(200);
  SleevePacketWriter writer{buffer, kSender, 200, true};
  ASSERT_TRUE(writer.append(PeerName{1}, PeerName{2}, Bytes(20)));
  EXPECT_EQ(writer.packet().size(), 30U + 14 + 20);
  SleeveFrameReader reader{writer.packet().subspan(kEncryptedPacketOverhead)};
  EXPECT_EQ(reader.next()->frame.size(), 20U);
}

TEST(SleevePacketWriter, HeadersInPlaceEqualAppending) {
  Bytes buffer(500);
  Bytes const frame(77, 3);
  SleevePacketWriter writer{buffer, kSender, 500};
  ASSERT_TRUE(writer.append(PeerName{1}, PeerName{2}, frame));
  Bytes packet(kClearHeadroom + frame.size(), 3);
  write_clear_headers(packet, kSender, PeerName{1}, PeerName{2});
  EXPECT_EQ(to_hex(packet), to_hex(writer.packet()));
}

TEST(SleeveFrameReader, SurvivesEveryPrefixAndRandomBytes) {
  SeededRandom random{5};
  for (int round = 0; round < 20000; ++round) {
    Bytes packet(random.below(80));
    for (auto& byte : packet) byte = static_cast<std::uint8_t>(random.below(4) == 0 ? random.u64() : 0);
    if (!sleeve_sender(packet)) continue;
    auto reader = SleeveFrameReader::of_clear_packet(packet);
    std::size_t read = kClearPacketOverhead;
    while (auto const frame = reader.next()) read += kFrameOverhead + frame->frame.size();
    ASSERT_LE(read, packet.size());
    ASSERT_EQ(reader.fault() == SleeveFault::none, read == packet.size());
    ASSERT_FALSE(reader.next());
  }
}

TEST(SleeveSpecial, KindsAreToldApartByLength) {
  EXPECT_EQ(special_kind(make_heartbeat(ConnectionUid{5}).size()), SpecialKind::heartbeat);
  EXPECT_EQ(special_kind(make_fragmentation_test().size()), SpecialKind::fragmentation_test);
  EXPECT_EQ(special_kind(make_discovery().size()), SpecialKind::path_mtu_test);
  EXPECT_EQ(special_kind(make_path_mtu_test(1438).size()), SpecialKind::path_mtu_test);
  EXPECT_EQ(heartbeat_uid(make_heartbeat(ConnectionUid{5})), ConnectionUid{5});
  EXPECT_FALSE(heartbeat_uid(Bytes(23)));
  auto forged = make_heartbeat(ConnectionUid{5});
  forged[3] = 1;
  EXPECT_FALSE(heartbeat_uid(forged));
}

} // namespace
} // namespace weave::datapath
