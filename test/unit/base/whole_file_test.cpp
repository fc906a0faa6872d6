#include "base/whole_file.hpp"

#include <gtest/gtest.h>

namespace weave {
namespace {

TEST(WholeFile, HoldsAllBytes) {
  EXPECT_TRUE(whole_file("/proc/self/cmdline").contains('\0'));
  EXPECT_EQ(whole_file("/dev/null"), "");
}

TEST(WholeFile, WhatCannotBeReadIsEmpty) {
  EXPECT_EQ(whole_file("/proc/self/nobody"), "");
  // Opens, and fails to read.
  EXPECT_EQ(whole_file("/proc/self"), "");
}

} // namespace
} // namespace weave
