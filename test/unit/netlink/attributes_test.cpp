#include "datapath/netlink/attributes.hpp"

#include <gtest/gtest.h>

#include "datapath/netlink/message_builder.hpp"

namespace weave::datapath::netlink {
namespace {

// Numbers in these messages are little-endian on every machine that this is tested on.
Bytes hex(std::string_view text) { return *parse_hex(text); }

TEST(Attributes, AreReadInOrderWithTheirPadding) {
  auto const bytes =
      hex("05000100aa000000"
          "04000280"
          "06000300bbcc");
  auto const read = parse_attributes(bytes);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 3U);
  EXPECT_EQ((*read)[0].type, 1);
  EXPECT_EQ(to_hex((*read)[0].payload), "aa");
  EXPECT_EQ((*read)[1].type, 2) << "the flag of a nest is no part of the number";
  EXPECT_TRUE((*read)[1].payload.empty());
  EXPECT_EQ(to_hex((*read)[2].payload), "bbcc");
}

TEST(Attributes, WithImpossibleLengthsAreRefused) {
  for (auto const* text :
       {"04", "040001", "03000100", "00000100", "05000100", "0800010000", "ffff0100aabbccdd", "040001000400"}) {
    auto const read = parse_attributes(hex(text));
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind(), ErrorKind::malformed);
  }
}

TEST(Attributes, OfATableAreFoundByNumber) {
  auto const bytes =
      hex("0800010001000000"
          "0800010002000000"
          "05000900aa000000"
          "0500020007");
  auto const table = AttributeTable<4>::parse(bytes);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->number<std::uint32_t>(1), 2U) << "the last one counts";
  EXPECT_FALSE(table->number<std::uint32_t>(2)) << "too short";
  EXPECT_EQ(table->number<std::uint8_t>(2), 7U);
  EXPECT_FALSE(table->find(3));
}

TEST(Attributes, TextEndsAtItsZero) {
  EXPECT_EQ(read_text(hex("616200")), "ab");
  EXPECT_EQ(read_text(hex("6162")), "ab");
  EXPECT_EQ(read_text({}), "");
}

TEST(MessageBuilder, PadsBetweenAttributesAndInsideNests) {
  MessageBuilder builder{0x1b, 0x8};
  builder.generic(3, 1).put_text(1, "ab").put_u16(2, 7);
  builder.nest(3, [&] { builder.put_u8(4, 9); });
  builder.put_big_u16(5, 0x1234).put_flag(6);
  auto const message = builder.take();
  ASSERT_TRUE(message);
  EXPECT_EQ(to_hex(*message),
            "3c0000001b000900000000000000000003010000"
            "0700010061620000"
            "0600020007000000"
            "0c000300"
            "0500040009000000"
            "0600050012340000"
            "04000600");
}

TEST(MessageBuilder, RemembersWhatWasTooLong) {
  MessageBuilder builder{1, 0};
  builder.put(1, Bytes(65531));
  EXPECT_TRUE(MessageBuilder{builder}.take());
  builder.put(1, Bytes(65532));
  auto const message = builder.take();
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().kind(), ErrorKind::out_of_range);

  MessageBuilder nested{1, 0};
  nested.nest(1, [&] { nested.put(1, Bytes(40000)).put(1, Bytes(40000)); });
  EXPECT_FALSE(nested.take());
}

} // namespace
} // namespace weave::datapath::netlink
