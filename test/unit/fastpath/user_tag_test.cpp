#include "datapath/fastpath/user_tag.hpp"

#include <gtest/gtest.h>

#include "datapath/packet/checksum.hpp"

namespace weave::datapath {
namespace {

constexpr std::uint64_t kTo = 0x0200'0000'0001;
constexpr std::uint64_t kFrom = 0x0200'0000'0002;
constexpr std::uint16_t kFlooded = kTagFloodedBit;

ByteWriter addresses() { return std::move(ByteWriter{}.u48(kTo).u48(kFrom)); }

Bytes plain(ByteView rest) { return addresses().raw(rest).take(); }
Bytes captured(std::uint16_t control, ByteView rest) { return addresses().u16(0x8100).u16(control).raw(rest).take(); }
Bytes relayed(std::uint16_t source, std::uint16_t destination, ByteView rest) {
  return addresses().u16(0x88a8).u16(source).u16(0x8100).u16(destination).raw(rest).take();
}

/// Type and payload.
Bytes const kArp = ByteWriter{}.u16(0x0806).raw(Bytes(46, 0xaa)).take();

TEST(UserTag, OfACapturedFrame) {
  auto frame = captured(7, kArp);
  auto const untagged = remove_user_tag({}, frame);
  ASSERT_TRUE(untagged);
  EXPECT_EQ(untagged->tag, (UserTag{.source = {}, .destination = ShortId{7}}));
  EXPECT_EQ(untagged->header, OffloadHeader{});
  EXPECT_EQ(to_hex(untagged->bytes), to_hex(plain(kArp)));
}

TEST(UserTag, OfARelayedFrame) {
  auto frame = relayed(4095, 0, kArp);
  auto const untagged = remove_user_tag({}, frame);
  ASSERT_TRUE(untagged);
  EXPECT_EQ(untagged->tag, (UserTag{.source = ShortId{4095}, .destination = ShortId{0}}));
  EXPECT_EQ(to_hex(untagged->bytes), to_hex(plain(kArp)));
}

TEST(UserTag, SaysThatAFrameIsFlooded) {
  auto frame = captured(kFlooded | 7, kArp);
  EXPECT_EQ(remove_user_tag({}, frame)->tag, (UserTag{.source = {}, .destination = ShortId{7}, .flooded = true}));
  for (auto const& [outer, inner] : {std::pair{kFlooded, 0}, {0, int{kFlooded}}}) {
    frame = relayed(static_cast<std::uint16_t>(outer | 6), static_cast<std::uint16_t>(inner | 7), kArp);
    EXPECT_EQ(remove_user_tag({}, frame)->tag,
              (UserTag{.source = ShortId{6}, .destination = ShortId{7}, .flooded = true}));
  }
  // Other priorities and the bit that says "drop eligible" mean nothing.
  frame = captured(0xd007, kArp);
  EXPECT_EQ(remove_user_tag({}, frame)->tag, (UserTag{.source = {}, .destination = ShortId{7}}));
}

TEST(UserTag, LeavesTheFramesOwnTags) {
  for (auto const type : {kTagOfDestination, kTagOfSource}) {
    auto const own = ByteWriter{}.u16(type).u16(100).raw(kArp).take();
    for (bool const relay : {false, true}) {
      auto frame = relay ? relayed(6, 7, own) : captured(7, own);
      auto const untagged = remove_user_tag({}, frame);
      ASSERT_TRUE(untagged);
      EXPECT_EQ(untagged->tag.destination, ShortId{7});
      EXPECT_EQ(untagged->tag.source.has_value(), relay);
      EXPECT_EQ(to_hex(untagged->bytes), to_hex(plain(own)));
    }
  }
}

TEST(UserTag, IsMissing) {
  auto frame = plain(kArp);
  EXPECT_FALSE(remove_user_tag({}, frame));
  frame = addresses().u16(0x88a8).u16(6).raw(kArp).take();
  EXPECT_FALSE(remove_user_tag({}, frame)) << "a source without a destination";
}

TEST(UserTag, NeedsAWholeEthernetHeaderBesides) {
  for (auto const& whole : {captured(7, kArp), relayed(6, 7, kArp)}) {
    std::size_t const least = whole[12] == 0x81 ? 18 : 22;
    for (std::size_t size = 0; size < 30; ++size) {
      Bytes frame(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      auto const untagged = remove_user_tag({}, frame);
      EXPECT_EQ(untagged.has_value(), size >= least) << size;
      if (untagged) {
        EXPECT_EQ(untagged->bytes.size(), size - least + 14);
      }
    }
  }
}

TEST(UserTag, MovesTheOffsetsOfTheOffloadHeader) {
  OffloadHeader const tso{.flags = OffloadHeader::kNeedsChecksum,
                          .gso_type = OffloadHeader::kTcpV4,
                          .header_length = 58,
                          .gso_size = 1336,
                          .checksum_start = 38,
                          .checksum_offset = 16};
  auto frame = captured(7, kArp);
  auto untagged = remove_user_tag(tso, frame);
  ASSERT_TRUE(untagged);
  auto expected = tso;
  expected.header_length = 54;
  expected.checksum_start = 34;
  EXPECT_EQ(untagged->header, expected);
  EXPECT_TRUE(untagged->header.is_super_frame());

  frame = relayed(6, 7, kArp);
  untagged = remove_user_tag(tso, frame);
  ASSERT_TRUE(untagged);
  expected.header_length = 50;
  expected.checksum_start = 30;
  EXPECT_EQ(untagged->header, expected);
}

TEST(UserTag, RefusesOffsetsInsideTheTags) {
  for (std::uint16_t start = 0; start < 30; ++start) {
    OffloadHeader const header{.flags = OffloadHeader::kNeedsChecksum, .header_length = 2, .checksum_start = start};
    auto frame = captured(7, kArp);
    auto const single = remove_user_tag(header, frame);
    EXPECT_EQ(single.has_value(), start >= 18) << start;
    if (single) {
      EXPECT_EQ(single->header.header_length, 0);
    }
    frame = relayed(6, 7, kArp);
    EXPECT_EQ(remove_user_tag(header, frame).has_value(), start >= 22) << start;
  }
  // Without need of a checksum the offset is not looked at.
  auto frame = captured(7, kArp);
  EXPECT_TRUE(remove_user_tag({.checksum_start = 3}, frame));
}

TEST(UserTag, ChecksumsAreCompletedWhereTheyBelong) {
  auto const payload = Bytes(33, 0x5a);
  auto const udp = ByteWriter{}.u16(1).u16(2).u16(41).u16(0).raw(payload).take();
  auto const rest = ByteWriter{}.u16(0x0800).raw(Bytes(20, 0x45)).raw(udp).take();
  auto expected = plain(rest);
  OffloadHeader header{.flags = OffloadHeader::kNeedsChecksum, .checksum_start = 34, .checksum_offset = 6};
  ASSERT_TRUE(complete_checksum(header, expected));

  header.checksum_start += kUserTagMax;
  auto frame = relayed(6, 7, rest);
  auto const untagged = remove_user_tag(header, frame);
  ASSERT_TRUE(untagged);
  ASSERT_TRUE(complete_checksum(untagged->header, untagged->bytes));
  EXPECT_EQ(to_hex(untagged->bytes), to_hex(expected));
}

TEST(UserTag, OfAFrameForTheKernelNamesItsSource) {
  EXPECT_EQ(to_hex(delivery_tag(ShortId{7})), "81000007");
  EXPECT_EQ(to_hex(delivery_tag(ShortId{4095})), "81000fff");
  EXPECT_EQ(to_hex(delivery_tag(ShortId{0xffff})), "81000fff");
}

} // namespace
} // namespace weave::datapath
