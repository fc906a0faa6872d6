#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/netlink/family.hpp"
#include "datapath/netlink/message.hpp"
#include "datapath/netlink/socket_handle.hpp"

namespace weave::datapath::netlink {

/// Requests to the kernel over a netlink socket, generic unless another protocol is named, of the network namespace
/// that was current at open(). One request at a time, on one thread; blocks until the kernel has answered, which it
/// does within the request itself except for dumps. Answers are told apart by sequence number: what arrives late or
/// belongs to an unacknowledged request is passed over. `what` begins the text of an error ("add port vxlan-6784");
/// kinds are those of error_kind_of(), timed_out when no answer comes.
class GenericSocket {
 public:
  using OnMessage = std::function<void(Message const&)>;

  [[nodiscard]] static Result<GenericSocket> open(int protocol = NETLINK_GENERIC);

  /// not_found when the kernel lacks it, also after it had the chance to load the module.
  [[nodiscard]] Result<Family> family(std::string_view name);

  /// Sends the request, wipes it and waits for its acknowledgement; `on_message` sees the answers before it.
  [[nodiscard]] Result<void> transact(Bytes request, std::string_view what, OnMessage const& on_message = {});
  /// Reads a whole set. When it changed meanwhile it is read again from the start, a few times, then this fails with
  /// unavailable; `on_start` is called before each attempt.
  [[nodiscard]] Result<void> dump(Bytes request, std::string_view what, std::function<void()> const& on_start,
                                  OnMessage const& on_message);
  /// Sends without waiting. Success means that the kernel took the request.
  [[nodiscard]] Result<void> send(Bytes request, std::string_view what);

  /// Overwrites the last answers, which have held secrets.
  void wipe_answers();

  /// By which the kernel tells who asked, also in what it tells others of the outcome.
  [[nodiscard]] std::uint32_t port() const { return socket_.port(); }
  /// errno of the last transact() or dump(), for callers to whom the kind of the error says too little; 0: success.
  [[nodiscard]] int last_error() const { return last_error_; }
  /// How many requests of send() the kernel is known to have refused.
  [[nodiscard]] std::uint64_t refused_sends() const { return refused_sends_; }

 private:
  explicit GenericSocket(SocketHandle socket);

  struct Exchange;
  [[nodiscard]] Result<void> hand_over(Bytes& request, std::uint16_t flags, std::string_view what);
  [[nodiscard]] Result<ByteView> receive(int flags, std::string_view what);
  [[nodiscard]] Result<void> read_answers(Exchange& exchange, std::string_view what);
  void count_refusals();

  SocketHandle socket_;
  Bytes buffer_;
  std::uint32_t sequence_ = 0;
  int last_error_ = 0;
  unsigned unread_sends_ = 0;
  std::uint64_t refused_sends_ = 0;
};

} // namespace weave::datapath::netlink
