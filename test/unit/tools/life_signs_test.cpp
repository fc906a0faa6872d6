#include "tools/life_signs.hpp"

#include <cstdlib>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "test/fixtures/temporary_directory.hpp"

namespace weave::tools {
namespace {

using namespace std::chrono_literals;

TEST(WatchdogLimit, IsSecondsAndNothingElse) {
  EXPECT_EQ(watchdog_limit("10"), 10s);
  EXPECT_EQ(watchdog_limit("0.5"), 500ms);
  EXPECT_EQ(watchdog_limit("0"), 0ms);
  EXPECT_EQ(watchdog_limit("86400"), 24h);
  for (auto const* const text : {"", "nan", "inf", "-1", "10s", "ten", "86401", "1e300", " 1"}) {
    EXPECT_EQ(watchdog_limit(text), std::nullopt) << text;
  }
}

class LifeSignsTest : public testing::Test {
 protected:
  LifeSignsTest() {
    auto opened = LifeSigns::open(path_, 10s);
    EXPECT_TRUE(opened) << opened.error().text();
    signs_.emplace(std::move(*opened));
    signs_->watch(::getpid());
  }
  ~LifeSignsTest() override {
    for (auto const* const variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC"}) ::unsetenv(variable);
  }
  void send(std::string const& text) const {
    UniqueFd const socket{::socket(AF_UNIX, SOCK_DGRAM, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::sendto(socket.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr const*>(&address),
                       sizeof address),
              static_cast<ssize_t>(text.size()));
  }
  /// Asked every second, as it wants to be.
  bool overdue_within(std::chrono::seconds time) {
    bool overdue = false;
    for (auto const end = now_ + time; now_ < end && !overdue;) overdue = signs_->overdue(now_ += 1s);
    return overdue;
  }

  test::TemporaryDirectory directory_;
  std::string path_ = directory_.file("notify.sock");
  std::optional<LifeSigns> signs_;
  LifeSigns::Clock::time_point now_{1h};
};

TEST_F(LifeSignsTest, WaitsForTheFirstSignAsLongAsItTakes) {
  EXPECT_STREQ(std::getenv("NOTIFY_SOCKET"), path_.c_str());
  EXPECT_STREQ(std::getenv("WATCHDOG_USEC"), "10000000");
  EXPECT_FALSE(overdue_within(100s));
  EXPECT_FALSE(signs_->expects_signs());
}

TEST_F(LifeSignsTest, MissesWhoGaveSignsAndGivesNoneForTheLimit) {
  send("READY=1\nWATCHDOG=1\n");
  EXPECT_FALSE(overdue_within(10s));
  send("WATCHDOG=1");
  EXPECT_FALSE(overdue_within(10s));
  EXPECT_TRUE(overdue_within(1s));
  signs_->watch(0);
  EXPECT_FALSE(overdue_within(100s)) << "nobody is watched";
}

TEST_F(LifeSignsTest, DoesNotCountTheTimeInWhichWeDidNotRunEither) {
  send("WATCHDOG=1");
  EXPECT_FALSE(overdue_within(1s));
  now_ += 1h;
  EXPECT_FALSE(overdue_within(5s));
  EXPECT_TRUE(overdue_within(6s));
}

TEST_F(LifeSignsTest, HearsTheWatchedProcessAloneAndOutlivesWhateverIsSent) {
  signs_->watch(::getppid());
  send("WATCHDOG=1");
  EXPECT_FALSE(overdue_within(1s));
  EXPECT_FALSE(signs_->expects_signs());
  signs_->watch(::getpid());
  send("");
  send(std::string(60000, 'x'));
  send(std::string("\0WATCH", 6));
  EXPECT_FALSE(overdue_within(1s));
  EXPECT_FALSE(signs_->expects_signs());
  send("WATCHDOG=1");
  EXPECT_FALSE(overdue_within(1s));
  EXPECT_TRUE(signs_->expects_signs());
}

TEST(LifeSigns, CannotListenWhereThereIsNoRoom) {
  EXPECT_FALSE(LifeSigns::open("/nonexistent/notify.sock", 10s));
  EXPECT_FALSE(LifeSigns::open("/tmp/" + std::string(200, 'x'), 10s));
}

} // namespace
} // namespace weave::tools
