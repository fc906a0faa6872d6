#include "base/http/listener.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

namespace weave::http {

namespace {

constexpr int kBacklog = 512;

Result<sockaddr_un> unix_address(std::string const& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return failure(ErrorKind::malformed,
                   fmt::format("socket path must have 1 to {} characters: {}", sizeof address.sun_path - 1, path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

template <class Address>
sockaddr* generic(Address& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

/// Removes what is at the path if it is a socket nobody answers on.
Result<void> remove_stale(std::string const& path, sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return std::unexpected{system_error(path, errno)};
  }
  if (!S_ISSOCK(status.st_mode)) {
    return failure(ErrorKind::already_exists, fmt::format("{} exists and is not a socket", path));
  }
  UniqueFd const probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!probe) return std::unexpected{system_error("socket", errno)};
  // Only "connection refused" proves that nobody listens; a full backlog (EAGAIN) is a living owner.
  if (::connect(probe.get(), generic(address), sizeof address) == 0 || errno != ECONNREFUSED) {
    return failure(ErrorKind::already_exists, fmt::format("another process answers on {}", path));
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return std::unexpected{system_error(path, errno)};
  return {};
}

Result<void> make_parent(std::string const& path) {
  std::error_code error;
  auto const parent = std::filesystem::path{path}.parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) return failure(ErrorKind::system, fmt::format("{}: {}", parent.string(), error.message()));
  return {};
}

Endpoint endpoint_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, generic(storage), &length) != 0) return {};
  if (storage.ss_family == AF_UNIX) {
    auto const* address = reinterpret_cast<sockaddr_un const*>(&storage);
    auto const size = length - offsetof(sockaddr_un, sun_path);
    return Endpoint::unix_socket(std::string{address->sun_path, ::strnlen(address->sun_path, size)});
  }
  char host[NI_MAXHOST] = {};
  char port[NI_MAXSERV] = {};
  if (::getnameinfo(generic(storage), length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) !=
      0) {
    return {};
  }
  return Endpoint::tcp(host, static_cast<std::uint16_t>(std::stoi(port)));
}

Result<UniqueFd> listen_on(addrinfo const& info) {
  UniqueFd fd{::socket(info.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, info.ai_protocol)};
  if (!fd) return std::unexpected{system_error("socket", errno)};
  int const on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0) return std::unexpected{system_error("bind", errno)};
  if (::listen(fd.get(), kBacklog) != 0) return std::unexpected{system_error("listen", errno)};
  return fd;
}

} // namespace

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_{std::exchange(other.path_, {})}, device_{other.device_}, inode_{other.inode_} {}

SocketFile::~SocketFile() {
  if (path_.empty()) return;
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == inode_) ::unlink(path_.c_str());
}

Result<Listener> listen_unix(std::string const& path, unsigned mode) {
  auto address = unix_address(path);
  if (!address) return failure_of(address);
  if (auto const made = make_parent(path); !made) return failure_of(made);
  if (auto const free = remove_stale(path, *address); !free) return failure_of(free);
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return std::unexpected{system_error("socket", errno)};
  // The file gets the mode of the descriptor less the umask, so it is never more open than wanted, not even briefly.
  ::fchmod(fd.get(), mode);
  if (::bind(fd.get(), generic(*address), sizeof *address) != 0) return std::unexpected{system_error(path, errno)};
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::unexpected{system_error(path, errno)};
  SocketFile file{path, status.st_dev, status.st_ino};
  if (::chmod(path.c_str(), mode) != 0) return std::unexpected{system_error(path, errno)};
  if (::listen(fd.get(), kBacklog) != 0) return std::unexpected{system_error(path, errno)};
  return Listener{.fd = std::move(fd), .endpoint = Endpoint::unix_socket(path), .file = std::move(file)};
}

Result<Listener> listen_tcp(Endpoint const& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  auto const* host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
  auto const failed = ::getaddrinfo(host, std::to_string(endpoint.port).c_str(), &hints, &found);
  if (failed != 0) {
    return failure(ErrorKind::not_found, fmt::format("{}: {}", endpoint.to_string(), ::gai_strerror(failed)));
  }
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const owned{found, &::freeaddrinfo};
  Error last{ErrorKind::not_found, "no address"};
  for (auto const* info = found; info != nullptr; info = info->ai_next) {
    auto fd = listen_on(*info);
    if (fd) {
      auto bound = endpoint_of(fd->get());
      return Listener{.fd = *std::move(fd), .endpoint = std::move(bound), .file = std::nullopt};
    }
    last = fd.error();
  }
  return failure(last.kind(), fmt::format("{}: {}", endpoint.to_string(), last.text()));
}

Result<Listener> adopt_listener(UniqueFd fd) {
  int listening = 0;
  socklen_t length = sizeof listening;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0) {
    return std::unexpected{system_error("inherited descriptor", errno)};
  }
  if (listening == 0) return failure(ErrorKind::malformed, "the inherited descriptor does not listen");
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  auto const flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return std::unexpected{system_error("inherited descriptor", errno)};
  }
  auto endpoint = endpoint_of(fd.get());
  return Listener{.fd = std::move(fd), .endpoint = std::move(endpoint), .file = std::nullopt};
}

} // namespace weave::http
