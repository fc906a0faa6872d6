#include "base/bytes.hpp"

#include <gtest/gtest.h>

namespace weave {
namespace {

TEST(ByteReader, reads_what_the_writer_wrote) {
  auto const bytes = ByteWriter{}.u8(1).u16(0x0203).u32(0x04050607).u48(0x08090a0b0c0d).u64(0x0e0f101112131415).take();
  EXPECT_EQ(to_hex(bytes), "0102030405060708090a0b0c0d0e0f101112131415");
  ByteReader reader{bytes};
  EXPECT_EQ(reader.u8().value(), 1);
  EXPECT_EQ(reader.u16().value(), 0x0203);
  EXPECT_EQ(reader.u32().value(), 0x04050607U);
  EXPECT_EQ(reader.u48().value(), 0x08090a0b0c0dU);
  EXPECT_EQ(reader.u64().value(), 0x0e0f101112131415U);
  EXPECT_TRUE(reader.empty());
}

TEST(ByteReader, refuses_to_read_beyond_the_end_and_stays_where_it_was) {
  Bytes const bytes{1, 2, 3};
  ByteReader reader{bytes};
  EXPECT_FALSE(reader.u32());
  EXPECT_FALSE(reader.take(4));
  EXPECT_EQ(reader.remaining(), 3U);
  EXPECT_EQ(reader.u16().value(), 0x0102);
}

TEST(Hex, refuses_odd_lengths_and_other_characters) {
  EXPECT_EQ(parse_hex("0aFf").value(), (Bytes{0x0a, 0xff}));
  EXPECT_FALSE(parse_hex("0"));
  EXPECT_FALSE(parse_hex("0x"));
}

} // namespace
} // namespace weave
