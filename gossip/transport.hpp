#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weave::gossip {

/// One TCP connection as the mesh core sees it: bytes in, bytes out. Implemented over Asio in the daemon and by a
/// simulated network in tests. Control thread only. Destroying it closes the connection (with RST, protocol/mesh.md
/// §2.1; unless finish() came before) and no handler runs afterwards; handlers never run inside the methods below. A
/// handler may destroy the stream.
class ByteStream {
 public:
  struct Handlers {
    /// Bytes as they arrived, in order; the view is valid during the call.
    std::function<void(ByteView)> on_bytes;
    /// Everything written has been handed to the kernel (called after a write, when the queue has become empty).
    std::function<void()> on_drained;
    /// The connection is over (end of stream, reset, error). Called once, last.
    std::function<void(Error)> on_closed;
  };

  virtual ~ByteStream() = default;

  /// Begins reading. Bytes that arrive earlier wait in the socket.
  virtual void start(Handlers handlers) = 0;
  /// Queues bytes; never blocks. The caller bounds what it queues by waiting for on_drained.
  virtual void write(Bytes bytes) = 0;
  /// Ends the connection in order: what was written is still sent, then the end of the stream, and what the remote
  /// sends meanwhile is read and dropped until it ends too. A reset would take from the remote what has not reached it
  /// yet, which is often why the connection ends. No handler runs from here on. All this goes on by itself, bounded in
  /// time, octets and number, after the stream is destroyed.
  virtual void finish() = 0;
  /// `ip:port` text as gossiped: IPv4 always dotted quad, IPv6 in brackets (mesh.md §2.1).
  [[nodiscard]] virtual std::string local_text() const = 0;
  [[nodiscard]] virtual std::string remote_text() const = 0;
  /// The same as IPv4 endpoints; nullopt for IPv6.
  [[nodiscard]] virtual std::optional<Ipv4Endpoint> local() const = 0;
  [[nodiscard]] virtual std::optional<Ipv4Endpoint> remote() const = 0;
};

/// An operation in progress that is given up when this is destroyed; its callback then never runs.
class Operation {
 public:
  virtual ~Operation() = default;
};

/// Makes and resolves connections. Control thread only; callbacks run later, never inside the call.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Dials `address` (`ip:port`). Error text as Go's: `dial tcp <local>-><address>: connect: <reason>`.
  [[nodiscard]] virtual std::unique_ptr<Operation> dial(
      std::string const& address, std::function<void(Result<std::unique_ptr<ByteStream>>)> done) = 0;
  /// Resolves a host name or address text to IP address texts (IPv4 first).
  [[nodiscard]] virtual std::unique_ptr<Operation> resolve(
      std::string const& host, std::function<void(Result<std::vector<std::string>>)> done) = 0;
  /// Accepts connections until destroyed, at most 20 at once and one more each 50 ms (mesh.md §2.1).
  [[nodiscard]] virtual Result<std::unique_ptr<Operation>> listen(
      std::string const& host, std::uint16_t port, std::function<void(std::unique_ptr<ByteStream>)> on_accepted) = 0;
};

} // namespace weave::gossip
