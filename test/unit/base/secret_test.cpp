#include "base/secret.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

namespace {

/// The memory whose release is awaited, and what was in it then.
std::uint8_t const* watched = nullptr;
std::size_t watched_size = 0;
bool is_released = false;
bool is_wiped = false;

void release(void* memory) {
  if (memory != nullptr && memory == watched) {
    is_released = true;
    is_wiped = std::all_of(watched, watched + watched_size, [](std::uint8_t octet) { return octet == 0; });
    watched = nullptr;
  }
  std::free(memory);
}

} // namespace

// All of this program's memory passes here: what a value leaves behind can be seen at the moment it lets go of it.
void* operator new(std::size_t size) {
  if (auto* const memory = std::malloc(std::max<std::size_t>(size, 1))) return memory;
  throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }

namespace weave {
namespace {

void watch(Secret const& secret) {
  watched = secret.octets().data();
  watched_size = secret.octets().size();
  is_released = is_wiped = false;
}

TEST(Secret, LeavesNothingBehindWhenDestroyed) {
  {
    auto const secret = Secret::of("correct horse battery staple");
    watch(secret);
  }
  EXPECT_TRUE(is_released);
  EXPECT_TRUE(is_wiped);
}

TEST(Secret, LeavesNothingBehindWhenReplaced) {
  auto secret = Secret::of("correct horse battery staple");
  watch(secret);
  secret = Secret::of("another");
  EXPECT_TRUE(is_released);
  EXPECT_TRUE(is_wiped);
  EXPECT_EQ(as_text(secret.octets()), "another");
}

TEST(Secret, IsMovedWithoutACopy) {
  auto first = Secret::of("correct horse battery staple");
  watch(first);
  auto const* const memory = watched;
  auto const second = std::move(first);
  EXPECT_FALSE(is_released);
  EXPECT_EQ(second.octets().data(), memory);
  EXPECT_TRUE(first.empty());
}

} // namespace
} // namespace weave
