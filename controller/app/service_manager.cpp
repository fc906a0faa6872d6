#include "controller/app/service_manager.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace weave::controller {

void notify_service_manager(std::string_view state) {
  char const* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string_view const name{path};
  if (name.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, name.data(), name.size());
  // A leading @ stands for the zero byte of an abstract address.
  if (path[0] == '@') address.sun_path[0] = '\0';
  UniqueFd const socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket) return;
  auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  [[maybe_unused]] auto const sent = ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                                              reinterpret_cast<sockaddr const*>(&address), length);
}

void end_start_limit() { ::alarm(0); }

namespace {

constexpr int kFirstInherited = 3;
constexpr int kMostInherited = 64;

int number_from(char const* variable) {
  char const* const text = std::getenv(variable);
  int number = 0;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), number);
  return number;
}

std::string path_of(int fd) {
  sockaddr_un address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  if (address.sun_family != AF_UNIX || length <= offsetof(sockaddr_un, sun_path)) return {};
  return {address.sun_path, ::strnlen(address.sun_path, length - offsetof(sockaddr_un, sun_path))};
}

} // namespace

std::map<std::string, UniqueFd> inherited_sockets() {
  std::map<std::string, UniqueFd> sockets;
  bool const ours = number_from("LISTEN_PID") == ::getpid();
  int const count = ours ? std::min(number_from("LISTEN_FDS"), kMostInherited) : 0;
  for (auto const* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(variable);
  for (int fd = kFirstInherited; fd < kFirstInherited + count; ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    UniqueFd socket{fd};
    if (auto path = path_of(fd); !path.empty()) sockets.emplace(std::move(path), std::move(socket));
  }
  return sockets;
}

} // namespace weave::controller
