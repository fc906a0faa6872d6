#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/logger.hpp"
#include "gossip/asio/host_lookup.hpp"
#include "gossip/asio/tcp_stream.hpp"
#include "gossip/transport.hpp"

namespace weave::gossip {

/// The mesh's Transport over TCP (protocol/mesh.md §2.1). One single-threaded executor, on whose thread everything
/// here is called and calls back. Operations and streams must be destroyed before the executor's context.
///
/// Dialling has no deadline but the kernel's. Accepted sockets have keepalive of 15 s; errors of accept are logged and
/// accepting goes on, after a pause when the process or the system is out of something.
class TcpTransport final : public Transport {
 public:
  /// `host`: the address outbound connections come from; empty: the kernel chooses.
  TcpTransport(boost::asio::any_io_executor executor, std::string host, Logger logger);

  /// Error: `dial tcp <local>-><address>: <call>: <reason>`.
  [[nodiscard]] std::unique_ptr<Operation> dial(std::string const& address,
                                                std::function<void(Result<std::unique_ptr<ByteStream>>)> done) override;
  [[nodiscard]] std::unique_ptr<Operation> resolve(std::string const& host,
                                                   std::function<void(Result<std::vector<std::string>>)> done) override;
  /// An empty host means all addresses, IPv4 and IPv6. Error: `listen tcp <host>:<port>: <call>: <reason>`.
  [[nodiscard]] Result<std::unique_ptr<Operation>> listen(
      std::string const& host, std::uint16_t port,
      std::function<void(std::unique_ptr<ByteStream>)> on_accepted) override;

 private:
  boost::asio::any_io_executor executor_;
  std::string host_;
  Logger logger_;
  HostLookup lookup_;
  FinishingCount finishing_ = std::make_shared<std::size_t>(0);
};

} // namespace weave::gossip
