#include "controller/app/start_advice.hpp"

#include <gtest/gtest.h>

namespace weave::controller {
namespace {

TEST(StartAdvice, IsWhatPeopleCanDoAboutTheError) {
  EXPECT_EQ(start_advice("listen on UDP 0.0.0.0:6783: Address already in use"),
            "; 'weave doctor' shows which program has that port");
  EXPECT_EQ(start_advice("create user port vethwe-user: open /dev/net/tun: Permission denied").substr(0, 16),
            "; 'modprobe tun'");
  EXPECT_TRUE(start_advice("state file x is damaged: malformed").contains("'weave reset'"));
  EXPECT_EQ(start_advice("create bridge weave: Operation not permitted"),
            "; weave needs root, or the capabilities that weave.service gives it");
  EXPECT_EQ(start_advice("state file x: no space is left on its disk; make room there"), "");
}

} // namespace
} // namespace weave::controller
