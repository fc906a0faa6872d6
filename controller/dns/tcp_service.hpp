#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "base/bytes.hpp"
#include "base/logger.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "controller/dns/answering.hpp"
#include "controller/dns/forwarder.hpp"
#include "controller/dns/name_lookup.hpp"
#include "controller/dns/udp_worker.hpp"

namespace weave::controller::dns {

struct TcpServiceOptions {
  std::chrono::milliseconds first_query{2000};
  std::chrono::milliseconds idle{8000}; ///< also without progress in sending
  unsigned max_queries = 128;           ///< a connection; then it ends
  std::size_t max_connections = 512;
  std::size_t max_connections_per_client = 32;
  std::size_t max_pending = 32; ///< forwarded queries of a connection; reading waits until there are fewer
};

/// DNS over TCP (RFC 7766): queries of a connection may follow each other without waiting, and answers that others give
/// come when they are there, hence possibly in another order. Limits as in the options; a query longer than 16 KiB, or
/// a client beyond the limits, ends the connection. Control thread only; everything ends with this object.
class TcpService {
 public:
  /// Has a query answered by others; `done` runs at most once.
  using Forward = std::function<void(ByteView query, ClientAddress const& client, std::function<void(Bytes)> done)>;

  /// `names` and `random` must outlive it.
  TcpService(boost::asio::io_context& context, NameLookup const& names, AnsweringOptions const& answering,
             RandomSource& random, Forward forward, TcpServiceOptions options = {}, Logger log = {});
  TcpService(TcpService const&) = delete;
  TcpService& operator=(TcpService const&) = delete;
  ~TcpService();

  /// Accepts from now on. Error texts: `listen tcp <address>: <reason>`.
  [[nodiscard]] Result<void> listen(SocketAddress const& address);

  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] QueryCounts counts() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

} // namespace weave::controller::dns
