#pragma once

#include <cstdint>
#include <functional>
#include <linux/netlink.h>
#include <memory>
#include <string>
#include <string_view>

#include <netlink/netlink.h>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weave::datapath {

/// One rtnetlink request under construction: the family's fixed header, then attributes. A request that outgrew its
/// buffer remembers this and fails when it is sent.
class RouteMessage {
 public:
  RouteMessage(int type, int flags);

  /// Appends the fixed header (ifinfomsg, ifaddrmsg, rtmsg).
  template <class T>
  RouteMessage& header(T const& value) {
    return append(&value, sizeof value);
  }
  RouteMessage& put(int attribute, ByteView bytes);
  RouteMessage& put_text(int attribute, std::string_view text);
  RouteMessage& put_u8(int attribute, std::uint8_t value);
  RouteMessage& put_u32(int attribute, std::uint32_t value);
  /// Appends a nested attribute; `fill` writes what is inside.
  RouteMessage& nest(int attribute, std::function<void(RouteMessage&)> const& fill);

  [[nodiscard]] bool overflowed() const { return overflowed_; }
  [[nodiscard]] nl_msg* native() { return message_.get(); }

 private:
  RouteMessage& append(void const* bytes, std::size_t size);

  struct Free {
    void operator()(nl_msg* message) const;
  };
  std::unique_ptr<nl_msg, Free> message_;
  bool overflowed_ = false;
};

/// Outcomes of a request that count as success because the kernel is in the wanted state already.
enum class Tolerate : std::uint8_t {
  nothing,
  existing, ///< EEXIST on an add
  missing   ///< the object, or the link it is on, does not exist on a delete
};

/// A blocking rtnetlink socket of the network namespace that was current at open(). One request at a time, on one
/// thread; the kernel answers at once. Errors carry the kernel's own text (extended acknowledgement) where it sends
/// one: not_found for a missing object, already_exists, refused for missing rights, otherwise system. A dump that the
/// kernel reports as interrupted is repeated a few times, then fails with unavailable.
class RouteSocket {
 public:
  /// `protocol`: rtnetlink, or another whose requests and answers have the same shape (NETLINK_NETFILTER).
  [[nodiscard]] static Result<RouteSocket> open(int protocol = NETLINK_ROUTE);

  /// Sends the request and waits for its acknowledgement. `what` begins the error text ("create bridge weave").
  [[nodiscard]] Result<void> request(RouteMessage message, std::string_view what,
                                     Tolerate tolerate = Tolerate::nothing);
  /// Sends a query; `on_message` sees every answer. With NLM_F_DUMP in the message it may see a set twice after an
  /// interruption, `on_restart` announces that.
  [[nodiscard]] Result<void> query(RouteMessage message, std::string_view what,
                                   std::function<void(nlmsghdr const&)> const& on_message,
                                   std::function<void()> const& on_restart = {});

 private:
  struct Free {
    void operator()(nl_sock* socket) const;
  };
  explicit RouteSocket(nl_sock* socket) : socket_{socket} {}

  std::unique_ptr<nl_sock, Free> socket_;
};

} // namespace weave::datapath
