#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/netlink/message.hpp"
#include "datapath/netlink/socket_handle.hpp"

namespace weave::datapath::netlink {

/// A netlink socket, generic unless another protocol is named, that only listens: to multicast groups, or to what the
/// kernel sends to its port. Never blocks; whoever owns it waits for fd() to become readable (base/fd_watcher.hpp) and
/// calls receive(). One thread.
class ReceivingSocket {
 public:
  struct Sizes {
    /// Of the kernel's queue, in bytes as the kernel counts them.
    std::size_t queue = 0;
    /// The longest message that is expected; longer ones are dropped.
    std::size_t message = 0;
    /// How many messages one call of receive() takes at most.
    unsigned batch = 0;
    /// What was received is wiped before receive() returns, for messages that carry keys.
    bool secret = false;
  };
  [[nodiscard]] static Result<ReceivingSocket> open(Sizes sizes, int protocol = NETLINK_GENERIC);

  [[nodiscard]] int fd() const { return socket_.fd(); }
  [[nodiscard]] std::uint32_t port() const { return socket_.port(); }
  [[nodiscard]] Result<void> join(std::uint32_t group) { return socket_.join(group); }

  enum class Outcome : std::uint8_t {
    received, ///< up to a batch; there may be more
    overrun,  ///< messages were lost since the last call, those still queued come with the next calls
    stopped   ///< by `on_message`
  };
  /// `on_message` returns whether to go on; after false this object is not touched again, it may be gone then. The
  /// message lives for the call.
  [[nodiscard]] Result<Outcome> receive(std::function<bool(Message const&)> const& on_message);

  /// Messages that found the queue full, as the kernel counts them.
  [[nodiscard]] std::uint64_t lost() const;

 private:
  struct Buffers;
  ReceivingSocket(SocketHandle socket, Sizes sizes);

  SocketHandle socket_;
  /// Shared with a receive() whose callback ends this object.
  std::shared_ptr<Buffers> buffers_;
};

} // namespace weave::datapath::netlink
