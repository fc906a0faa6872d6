#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "controller/dns/upstream.hpp"

namespace weave::controller::dns {

/// Asks other name servers over connected sockets, each query from a random port of its own. Control thread only; must
/// outlive its exchanges. Hosts must be address texts, IPv6 with or without a zone; others fail.
class AsioUpstream final : public Upstream {
 public:
  explicit AsioUpstream(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}

  [[nodiscard]] std::unique_ptr<Exchange> send(SocketAddress const& server, Transport transport, Bytes query,
                                               Handlers handlers) override;

 private:
  boost::asio::any_io_executor executor_;
  // Replies over UDP pass through here one at a time.
  std::shared_ptr<Bytes> scratch_ = std::make_shared<Bytes>(kMaxMessageSize);
};

} // namespace weave::controller::dns
