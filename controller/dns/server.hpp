#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/logger.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "controller/dns/forwarder.hpp"
#include "controller/dns/latency.hpp"
#include "controller/dns/name_lookup.hpp"
#include "controller/dns/resolver_file.hpp"
#include "controller/dns/tcp_service.hpp"
#include "controller/dns/udp_worker.hpp"

namespace boost::asio {
class io_context;
}

namespace weave::controller::dns {

struct ServerOptions {
  /// At least one; numeric hosts, an empty one is 0.0.0.0. Port 0 picks one, the same for UDP and TCP.
  std::vector<SocketAddress> listen;
  std::string domain = "weave.local."; ///< the final dot may be absent
  std::uint32_t ttl = 1;               ///< seconds, of answers and of denials
  std::string resolver_file;           ///< a resolv.conf; empty: no upstream servers
  ForwarderOptions forwarding{};       ///< reply_timeout is --dns-fallback-timeout
  TcpServiceOptions tcp{};
  unsigned threads = 1; ///< for UDP; at least 1
};

struct ServerStatistics {
  QueryCounts udp;
  QueryCounts tcp;
  std::uint64_t overloaded = 0; ///< UDP queries to be forwarded that were dropped since the control thread lags
  std::size_t tcp_connections = 0;
  ForwarderStatistics forwarding;
  LatencyCounts local_latency;     ///< of UDP questions answered from the names
  LatencyCounts forwarded_latency; ///< of UDP questions that others, or the cache of their answers, answered
};

/// The DNS server (protocol/ipam-dns.md §13): questions on the mesh's names are answered from NameLookup's snapshots,
/// UDP on threads of its own, TCP on the control thread; all else is forwarded from there to the servers of
/// resolv.conf. Control thread only. The references must outlive it, and the io_context must still be alive when it
/// goes.
class Server {
 public:
  Server(boost::asio::io_context& context, Scheduler& scheduler, RandomSource& random, NameLookup const& names,
         ServerOptions options, Logger log = {});
  Server(Server const&) = delete;
  Server& operator=(Server const&) = delete;
  ~Server();

  /// Binds everything and begins to answer, or nothing of it. Errors: an address cannot be bound or is none, the domain
  /// is no name. To be called once.
  [[nodiscard]] Result<void> start();
  /// Ends all connections and threads, drops what waits for other servers. Harmless if not started.
  void stop();

  /// Where it listens, with the ports really bound, in the order of the options. Empty unless started.
  [[nodiscard]] std::vector<SocketAddress> addresses() const;
  [[nodiscard]] ServerStatistics statistics() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

} // namespace weave::controller::dns
