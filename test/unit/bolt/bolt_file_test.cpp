#include "controller/bolt/bolt_file.hpp"

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

#include "test/unit/bolt/bolt_vectors.hpp"

namespace weave::controller::bolt {
namespace {

using test::bolt_file;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kElements = 16;
/// In the vector `large`: the bucket's own root, a branch page, and one of its leaves.
constexpr std::size_t kBranch = 31;

template <class T>
void put(Bytes& file, std::size_t offset, T value) {
  std::memcpy(file.data() + offset, &value, sizeof value);
}

std::string error_of(Bytes const& file, std::string_view bucket = "top") {
  auto const entries = read_bucket(file, bucket);
  if (entries) return "no error";
  return entries.error().text();
}

TEST(BoltFile, names_what_is_not_there) {
  auto const file = bolt_file("typical");
  auto const entries = read_bucket(file, "bottom");
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().kind(), ErrorKind::not_found);
}

TEST(BoltFile, takes_the_newer_of_two_meta_pages) {
  auto const file = bolt_file("typical");
  auto const newest = read_bucket(file, "top").value();
  // Page 1 is the newer one here; without it the state before the last transaction counts.
  auto damaged = file;
  damaged[kPage + 30] ^= 1;
  auto const before = read_bucket(damaged, "top");
  ASSERT_TRUE(before) << before.error().text();
  EXPECT_NE(before->size(), 0U);
  EXPECT_NE(before->front().value.data() - damaged.data(), newest.front().value.data() - file.data());
}

TEST(BoltFile, finds_the_second_meta_page_without_the_first) {
  auto file = bolt_file("typical");
  std::fill_n(file.begin(), kPage, std::uint8_t{0});
  auto const entries = read_bucket(file, "top");
  ASSERT_TRUE(entries) << entries.error().text();
  EXPECT_EQ(entries->size(), 6U);
  std::fill_n(file.begin(), 2 * kPage, std::uint8_t{0});
  EXPECT_EQ(error_of(file), "it is not a Bolt database, or both its meta pages are damaged");
}

TEST(BoltFile, accepts_meta_pages_without_checksum) {
  auto file = bolt_file("typical");
  put<std::uint64_t>(file, 16 + 56, 0);
  put<std::uint64_t>(file, kPage + 16 + 56, 0);
  EXPECT_EQ(read_bucket(file, "top").value().size(), 6U);
}

TEST(BoltFile, refuses_what_is_no_database) {
  EXPECT_EQ(error_of({}), "it is not a Bolt database, or both its meta pages are damaged");
  EXPECT_EQ(error_of(Bytes(100000, 0x41)), "it is not a Bolt database, or both its meta pages are damaged");
}

TEST(BoltFile, refuses_a_file_cut_short) {
  for (auto const* name : {"typical", "own_page", "large"}) {
    auto const file = bolt_file(name);
    std::size_t const complete = read_bucket(file, "top").value().size();
    for (std::size_t size = 0; size < file.size(); size += 512) {
      Bytes const cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
      auto const entries = read_bucket(cut, "top");
      // What is missing may be pages that nothing refers to.
      if (entries) {
        EXPECT_EQ(entries->size(), complete) << name << " at " << size;
      } else {
        EXPECT_EQ(entries.error().kind(), ErrorKind::malformed) << name << " at " << size;
      }
    }
  }
}

class LargeFile : public testing::Test {
 protected:
  Bytes file = bolt_file("large");
};

TEST_F(LargeFile, never_goes_round_in_circles) {
  put<std::uint64_t>(file, kBranch * kPage + kElements + 8, kBranch);
  EXPECT_EQ(error_of(file), "page 31 is referred to twice");
}

TEST_F(LargeFile, takes_no_page_twice) {
  put<std::uint64_t>(file, kBranch * kPage + kElements + 16 + 8, 2);
  EXPECT_EQ(error_of(file), "page 2 is referred to twice");
}

TEST_F(LargeFile, does_not_take_a_meta_page_for_a_tree) {
  put<std::uint64_t>(file, kBranch * kPage + kElements + 8, 1);
  EXPECT_EQ(error_of(file), "page 1 is referred to twice");
}

TEST_F(LargeFile, follows_no_page_outside) {
  put<std::uint64_t>(file, kBranch * kPage + kElements + 8, 1'000'000'000'000ULL);
  EXPECT_EQ(error_of(file), "page 1000000000000 lies outside the file, which may have been cut short");
}

TEST_F(LargeFile, refuses_a_page_under_another_number) {
  put<std::uint64_t>(file, 2 * kPage, 3);
  EXPECT_EQ(error_of(file), "page 2 is not what its number says");
}

TEST_F(LargeFile, refuses_an_overflow_beyond_the_end) {
  put<std::uint32_t>(file, 2 * kPage + 12, 0xffffffff);
  EXPECT_EQ(error_of(file), "page 2 reaches beyond the file, which may have been cut short");
}

TEST_F(LargeFile, refuses_pages_of_another_kind) {
  put<std::uint16_t>(file, 2 * kPage + 8, 16);
  EXPECT_EQ(error_of(file), "page 2 is neither branch nor leaf");
}

TEST_F(LargeFile, refuses_more_elements_than_room) {
  put<std::uint16_t>(file, 2 * kPage + 10, 0xffff);
  EXPECT_EQ(error_of(file), "page 2 has more elements than room");
}

TEST_F(LargeFile, refuses_keys_and_values_beyond_their_page) {
  auto const element = 2 * kPage + kElements;
  for (std::size_t const field : {4U, 8U, 12U}) {
    auto damaged = file;
    put<std::uint32_t>(damaged, element + field, 0xffffffff);
    EXPECT_EQ(error_of(damaged), "a key or value reaches beyond its page") << field;
    put<std::uint32_t>(damaged, element + field, kPage);
    EXPECT_EQ(error_of(damaged), "a key or value reaches beyond its page") << field;
  }
}

TEST_F(LargeFile, refuses_keys_out_of_order) {
  auto const element = kBranch * kPage + kElements;
  std::swap_ranges(file.begin() + static_cast<std::ptrdiff_t>(element),
                   file.begin() + static_cast<std::ptrdiff_t>(element + 16),
                   file.begin() + static_cast<std::ptrdiff_t>(element + 16));
  EXPECT_EQ(error_of(file), "keys are out of order");
}

} // namespace
} // namespace weave::controller::bolt
