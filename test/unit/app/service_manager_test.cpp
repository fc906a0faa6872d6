#include "controller/app/service_manager.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace weave::controller {
namespace {

sockaddr_un address_of(std::string const& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

UniqueFd bound(std::string const& path, int type) {
  UniqueFd socket{::socket(AF_UNIX, type, 0)};
  auto const address = address_of(path);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address), 0);
  return socket;
}

std::string fresh_path(char const* name) {
  auto path = testing::TempDir() + name + std::to_string(::getpid());
  std::filesystem::remove(path);
  return path;
}

TEST(ServiceManager, is_told_the_state) {
  auto const path = fresh_path("notify");
  auto const socket = bound(path, SOCK_DGRAM);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  notify_service_manager("READY=1");
  ::unsetenv("NOTIFY_SOCKET");
  notify_service_manager("nobody asked");
  std::array<char, 64> buffer{};
  auto const size = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(buffer.data(), static_cast<std::size_t>(size)), "READY=1");
  EXPECT_LT(::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT), 0);
  std::filesystem::remove(path);
}

TEST(ServiceManager, hands_over_its_sockets_only_to_the_process_that_it_names) {
  auto const path = fresh_path("plugin.sock");
  auto const listening = bound(path, SOCK_STREAM);
  auto const child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // The first inherited descriptor is 3 by convention; the child may rearrange its own.
    if (listening.get() != 3) ::dup2(listening.get(), 3);
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_PID", std::to_string(::getppid()).c_str(), 1);
    bool const none = inherited_sockets().empty();
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    auto const sockets = inherited_sockets();
    bool const taken = sockets.size() == 1 && sockets.contains(path) && sockets.at(path).get() == 3;
    ::_exit(none && taken && std::getenv("LISTEN_PID") == nullptr ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  std::filesystem::remove(path);
}

} // namespace
} // namespace weave::controller
