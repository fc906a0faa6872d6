#include "base/process/subprocess.hpp"

#include <array>
#include <chrono>
#include <poll.h>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/unique_fd.hpp"

namespace weave {
namespace {

TEST(Subprocess, gives_exit_status_signal_and_absence) {
  EXPECT_EQ(run_command({"sh", "-c", "exit 3"}).value(), 3);
  EXPECT_EQ(run_command({"sh", "-c", "kill -9 $$"}).value(), 128 + 9);
  EXPECT_EQ(run_command({"no-such-program-anywhere"}).error().kind(), ErrorKind::not_found);
}

TEST(Subprocess, reads_and_prints_more_than_a_pipe_holds) {
  std::string const text(300'000, 'x');
  auto const echoed = converse_with({"sh", "-c", "cat; echo no >&2"}, text);
  ASSERT_TRUE(echoed);
  EXPECT_EQ(echoed->output, text);
  EXPECT_EQ(echoed->errors, "no\n");
}

/// Whatever has the read end's other side still runs.
bool ends_soon(int reader) {
  pollfd ended{.fd = reader, .events = POLLIN, .revents = 0};
  return ::poll(&ended, 1, 20'000) == 1;
}

TEST(Subprocess, is_killed_with_what_it_started) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  UniqueFd const reader{ends[0]};
  UniqueFd writer{ends[1]};
  auto const result = converse_within(std::chrono::milliseconds{50}, {"sh", "-c", "sleep 60 & sleep 60"}, {});
  ASSERT_FALSE(result);
  writer.reset();
  EXPECT_TRUE(ends_soon(reader.get()));
}

TEST(Subprocess, is_waited_for_in_bounded_time_when_it_has_closed_its_output) {
  auto const result = converse_within(std::chrono::milliseconds{50}, {"sh", "-c", "exec >&- 2>&- sleep 60"}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::timed_out);
}

TEST(Subprocess, is_killed_when_it_takes_too_long) {
  auto const begin = std::chrono::steady_clock::now();
  auto const result = converse_within(std::chrono::milliseconds{50}, {"sleep", "60"}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::timed_out);
  EXPECT_EQ(result.error().text(), "sleep did not end within 50 ms");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{20});
}

} // namespace
} // namespace weave
