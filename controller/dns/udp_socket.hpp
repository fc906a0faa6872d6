#pragma once

#include <array>
#include <cstdint>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "controller/dns/forwarder.hpp"
#include "controller/dns/resolver_file.hpp"

namespace weave::controller::dns {

/// A kernel socket address of either family.
struct RawAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] sockaddr* generic() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] sockaddr const* generic() const { return reinterpret_cast<sockaddr const*>(&storage); }
  [[nodiscard]] ClientAddress client() const;
  [[nodiscard]] SocketAddress to_socket_address() const;
};

/// Numeric hosts only; an empty one is 0.0.0.0.
[[nodiscard]] Result<RawAddress> raw_address(SocketAddress const& address);

/// The control message that makes a reply leave from the address that was asked; empty for a socket bound to one.
struct ReplySource {
  alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
  std::size_t size = 0;
};

/// Who is to get a reply.
struct UdpClient {
  RawAddress address;
  ReplySource source;
};

/// A bound UDP socket that answers from the address asked, also when bound to all of them. Non-blocking; replies may
/// be fragmented and do not follow path MTU messages.
class UdpSocket {
 public:
  /// `joins`: further socket at an address where another one of ours is bound, to share its queries. The first must
  /// have been bound without, so that another program's socket is noticed, and have called let_join.
  [[nodiscard]] static Result<UdpSocket> bind(SocketAddress const& address, bool joins = false);
  void let_join() const;

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// With the port really bound.
  [[nodiscard]] SocketAddress const& local() const { return local_; }
  /// Replies need a ReplySource.
  [[nodiscard]] bool is_wildcard() const { return wildcard_; }

  /// The source for replies to a query that came with these control messages.
  [[nodiscard]] static ReplySource source_of(msghdr const& received);
  /// From any thread. What the kernel does not take is lost, as anything over UDP may be.
  void send(UdpClient const& client, ByteView message) const;

 private:
  UniqueFd fd_;
  SocketAddress local_;
  bool wildcard_ = false;
};

} // namespace weave::controller::dns
