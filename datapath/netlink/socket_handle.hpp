#pragma once

#include <cstddef>
#include <cstdint>
#include <linux/netlink.h>
#include <memory>

#include <netlink/netlink.h>

#include "base/result.hpp"

namespace weave::datapath::netlink {

/// Owns a connected netlink socket, generic unless another protocol is named, of the network namespace that was current
/// when it was made.
class SocketHandle {
 public:
  struct Buffers {
    std::size_t receive = 0;
    std::size_t send = 0;
  };
  /// refused when the kernel does not have the protocol. Buffers beyond the system's limit need CAP_NET_ADMIN; without
  /// it they are as large as allowed.
  [[nodiscard]] static Result<SocketHandle> open(Buffers buffers, int protocol = NETLINK_GENERIC);

  [[nodiscard]] int fd() const;
  /// By which the kernel addresses it.
  [[nodiscard]] std::uint32_t port() const;
  [[nodiscard]] Result<void> join(std::uint32_t group);
  /// Option of SOL_NETLINK; false when this kernel does not have it.
  bool enable(int option);

 private:
  struct Free {
    void operator()(nl_sock* socket) const;
  };
  explicit SocketHandle(nl_sock* socket) : socket_{socket} {}

  std::unique_ptr<nl_sock, Free> socket_;
};

} // namespace weave::datapath::netlink
