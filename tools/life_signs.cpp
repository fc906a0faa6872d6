#include "tools/life_signs.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

namespace weave::tools {
namespace {

constexpr std::string_view kSign = "WATCHDOG=1";

/// Who sent it, as the kernel knows.
pid_t sender_of(msghdr& header) {
  for (auto* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
    ucred credentials{};
    std::memcpy(&credentials, CMSG_DATA(part), sizeof credentials);
    return credentials.pid;
  }
  return 0;
}

} // namespace

std::optional<std::chrono::milliseconds> watchdog_limit(std::string_view text) {
  constexpr double kMost = 86400;
  double seconds = 0;
  auto const* const end = text.data() + text.size();
  auto const parsed = std::from_chars(text.data(), end, seconds);
  // Not a number fails every comparison.
  if (parsed.ec != std::errc{} || parsed.ptr != end || !(seconds >= 0 && seconds <= kMost)) return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1000)};
}

Result<LifeSigns> LifeSigns::open(std::string path, std::chrono::milliseconds limit) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return failure(ErrorKind::malformed, "path too long: " + path);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) return std::unexpected{system_error("open a socket", errno)};
  int const on = 1;
  ::unlink(path.c_str());
  auto const mask = ::umask(0177);
  bool const bound = ::bind(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0;
  int const why = errno;
  ::umask(mask);
  if (!bound) return std::unexpected{system_error(path, why)};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
    return std::unexpected{system_error(path, errno)};
  }
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ::setenv("WATCHDOG_USEC", fmt::format("{}", std::chrono::microseconds{limit}.count()).c_str(), 1);
  ::unsetenv("WATCHDOG_PID");
  return LifeSigns{std::move(socket), std::move(path), limit};
}

LifeSigns::~LifeSigns() {
  if (socket_) ::unlink(path_.c_str());
}

void LifeSigns::watch(pid_t process) {
  process_ = process;
  last_sign_.reset();
}

bool LifeSigns::receive() {
  bool found = false;
  std::array<char, 256> text{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
  while (true) {
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    auto const size = ::recvmsg(socket_.get(), &header, MSG_DONTWAIT);
    if (size < 0) return found;
    std::string_view const message{text.data(), static_cast<std::size_t>(size)};
    if (message.find(kSign) != std::string_view::npos && process_ > 0 && sender_of(header) == process_) found = true;
  }
}

bool LifeSigns::overdue(Clock::time_point now) {
  // We are called every second, unless we could not run either.
  auto const missed = now - last_check_ - 2 * kCheckInterval;
  if (last_sign_ && missed > Clock::duration::zero()) *last_sign_ += missed;
  last_check_ = now;
  if (receive()) last_sign_ = now;
  return last_sign_ && now - *last_sign_ >= limit_;
}

} // namespace weave::tools
