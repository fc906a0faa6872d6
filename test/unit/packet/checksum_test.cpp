#include "datapath/packet/checksum.hpp"

#include <cstdint>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace weave::datapath {
namespace {

Bytes random_bytes(SeededRandom& random, std::size_t size) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.u64());
  return bytes;
}

/// The definition of RFC 1071, one word at a time.
std::uint16_t slow_checksum(ByteView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += static_cast<std::uint32_t>(i % 2 == 0 ? bytes[i] << 8 : bytes[i]);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<std::uint16_t>(~sum);
}

TEST(Checksum, KnowsTheExampleOfRfc1071) {
  Bytes const bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(ChecksumSum{}.add(bytes).folded(), 0xddf2);
  EXPECT_EQ(internet_checksum(bytes), 0x220d);
}

TEST(Checksum, OfNothingIsAllOnes) { EXPECT_EQ(internet_checksum({}), 0xffff); }

TEST(Checksum, AgreesWithTheDefinitionAtEveryLengthAndAlignment) {
  SeededRandom random{1};
  auto const bytes = random_bytes(random, 200);
  for (std::size_t from = 0; from < 8; ++from) {
    for (std::size_t size = 0; from + size <= bytes.size(); ++size) {
      auto const part = ByteView{bytes}.subspan(from, size);
      ASSERT_EQ(internet_checksum(part), slow_checksum(part)) << from << '+' << size;
    }
  }
}

TEST(Checksum, CarriesInLongPackets) {
  Bytes const ones(65535, 0xff);
  EXPECT_EQ(internet_checksum(ones), slow_checksum(ones));
}

TEST(Checksum, IncrementalUpdateEqualsRecomputation) {
  SeededRandom random{2};
  for (int round = 0; round < 2000; ++round) {
    auto bytes = random_bytes(random, 20);
    auto const before = internet_checksum(bytes);
    auto const offset = 2 * random.below(10);
    auto const from = load_u16(bytes, offset);
    auto const to = static_cast<std::uint16_t>(round % 3 == 0 ? 0xffff * (round % 2) : random.u64());
    store_u16(bytes, offset, to);
    ASSERT_EQ(update_checksum(before, from, to), internet_checksum(bytes));
  }
}

TEST(Checksum, CopyAndAddDoesBoth) {
  SeededRandom random{3};
  for (std::size_t const size : {0U, 1U, 4095U, 4096U, 4097U, 9001U}) {
    auto const from = random_bytes(random, size);
    Bytes to(size);
    ChecksumSum sum;
    copy_and_add(from, to, sum);
    EXPECT_EQ(to, from);
    EXPECT_EQ(sum.checksum(), slow_checksum(from));
  }
}

} // namespace
} // namespace weave::datapath
