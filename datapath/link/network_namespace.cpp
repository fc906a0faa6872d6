#include "datapath/link/network_namespace.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

namespace weave::datapath {

namespace {

constexpr char const* kOwnNamespace = "/proc/thread-self/ns/net";

Result<UniqueFd> open_file(std::string const& path) {
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct statfs where {};
  if (fd && ::fstatfs(fd.get(), &where) == 0 && where.f_type != NSFS_MAGIC) {
    // The place of a mount that was made after our view of the file system, if that is not shared with its maker.
    return failure(ErrorKind::not_found, fmt::format("{} is no network namespace as seen from here", path));
  }
  if (fd) return fd;
  auto const kind = errno == ENOENT ? ErrorKind::not_found : ErrorKind::system;
  return failure(kind, system_error("open network namespace " + path, errno).text());
}

/// Namespaces belong to threads, and those of others are not ours to change.
Result<void> on_own_thread(std::function<Result<void>()> const& work) {
  Result<void> result;
  try {
    std::thread{[&] { result = work(); }}.join();
  } catch (std::system_error const& error) {
    return failure(ErrorKind::unavailable, fmt::format("start a thread: {}", error.what()));
  }
  return result;
}

} // namespace

Result<NetworkNamespace> NetworkNamespace::open(std::string const& path) {
  auto fd = open_file(path);
  if (!fd) return failure_of(fd);
  return NetworkNamespace{std::move(*fd)};
}

Result<NetworkNamespace> NetworkNamespace::current() { return open(kOwnNamespace); }

Result<NetworkNamespace> NetworkNamespace::create() {
  Result<NetworkNamespace> made = failure(ErrorKind::unavailable, "create network namespace");
  auto const worked = on_own_thread([&made]() -> Result<void> {
    if (::unshare(CLONE_NEWNET) < 0) return std::unexpected(system_error("create network namespace", errno));
    made = open(kOwnNamespace);
    return {};
  });
  if (!worked) return failure_of(worked);
  return made;
}

Result<void> NetworkNamespace::run(std::function<Result<void>()> const& work) const {
  return on_own_thread([&]() -> Result<void> {
    if (::setns(fd_.get(), CLONE_NEWNET) < 0) return std::unexpected(system_error("enter network namespace", errno));
    return work();
  });
}

Result<std::uint64_t> NetworkNamespace::inode() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) < 0) return std::unexpected(system_error("stat network namespace", errno));
  return std::uint64_t{status.st_ino};
}

} // namespace weave::datapath
