#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace weave::datapath {

/// A handle on a network namespace; keeps it alive. Entering happens in a thread of its own that ends with the call,
/// so that the calling thread and whatever it starts later never change namespace.
class NetworkNamespace {
 public:
  /// By file: /run/netns/<name>, /proc/<pid>/ns/net, a sandbox key of Docker.
  [[nodiscard]] static Result<NetworkNamespace> open(std::string const& path);
  /// That of the calling thread.
  [[nodiscard]] static Result<NetworkNamespace> current();
  /// A fresh one, with its loopback interface down; it goes when its last handle, process and socket go.
  [[nodiscard]] static Result<NetworkNamespace> create();

  /// Calls `work` inside and returns its result; blocks until it is done. Sockets that it opens stay in this namespace.
  [[nodiscard]] Result<void> run(std::function<Result<void>()> const& work) const;

  /// For IFLA_NET_NS_FD and setns(2).
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Identity, for comparing two handles.
  [[nodiscard]] Result<std::uint64_t> inode() const;

 private:
  explicit NetworkNamespace(UniqueFd fd) : fd_{std::move(fd)} {}

  UniqueFd fd_;
};

} // namespace weave::datapath
