#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/logger.hpp"
#include "base/random.hpp"
#include "base/scheduler.hpp"
#include "controller/dns/answer_cache.hpp"
#include "controller/dns/query.hpp"
#include "controller/dns/upstream.hpp"

namespace weave::controller::dns {

/// A client's IP address; IPv4 as mapped into IPv6.
using ClientAddress = std::array<std::uint8_t, 16>;

struct ForwarderOptions {
  Duration reply_timeout{std::chrono::seconds{5}};  ///< for each server
  Duration stagger{std::chrono::milliseconds{300}}; ///< head start of a server before the one behind it
  Duration resend_after{std::chrono::seconds{1}};   ///< once all have been asked; once
  Duration suspect_for{std::chrono::seconds{30}};   ///< how long a silent server gets no head start
  std::size_t max_pending = 2048;                   ///< clients' queries waiting
  std::size_t max_pending_per_client = 128;
  AnswerCache::Limits cache{};
};

struct ForwarderStatistics {
  std::uint64_t queries = 0; ///< that came here
  std::uint64_t cache_hits = 0;
  std::uint64_t joined = 0; ///< had the same question as one under way
  std::uint64_t sent = 0;   ///< to a server, resent and over TCP included
  std::uint64_t tcp_retries = 0;
  std::uint64_t timeouts = 0; ///< of a server
  std::uint64_t failures = 0; ///< answered with SERVFAIL since no server answered
  std::uint64_t refused = 0;  ///< answered with SERVFAIL since too many wait
  std::size_t pending = 0;
  std::size_t cached = 0;
};

/// Has queries answered by the servers of resolv.conf. They are asked in file order, each with a head start before the
/// next; one that fails passes on at once, one that was silent lately gets no head start. The first reply of any rcode
/// is final, except REFUSED and NOTIMP, which are kept for when nothing better comes. A truncated reply is asked for
/// again over TCP. Replies are believed only with the id and the question that were sent. Replies are relayed as they
/// came, with the client's id, cut with TC to what the client takes, and kept as long as their TTLs say; a change of
/// the servers forgets them. Equal questions under way are asked once. When none is left: SERVFAIL.
///
/// Pure: sockets, time and randomness are ports, which must outlive it. Control thread only. Destroying it drops what
/// waits; `done` of those never runs.
class Forwarder {
 public:
  using Servers = std::function<std::vector<SocketAddress> const&()>;
  using Done = std::function<void(Bytes reply)>;

  Forwarder(Scheduler& scheduler, RandomSource& random, Upstream& upstream, Servers servers,
            ForwarderOptions options = {}, Logger log = {});
  Forwarder(Forwarder const&) = delete;
  Forwarder& operator=(Forwarder const&) = delete;
  ~Forwarder();

  /// `done` runs once, perhaps before this returns, not at all for bytes that are no query.
  void forward(ByteView query, Transport transport, ClientAddress const& client, Done done);

  [[nodiscard]] ForwarderStatistics statistics() const;

 private:
  class Search;
  struct Waiter {
    Query query;
    std::size_t limit;
    ClientAddress client;
    Done done;
  };

  [[nodiscard]] std::string key_of(Query const& query);
  [[nodiscard]] bool admit(ClientAddress const& client);
  void notice_servers(std::vector<SocketAddress> const& servers);
  void release(ClientAddress const& client);
  void finish(std::string const& key, Bytes const& reply);
  static void deliver(Waiter const& waiter, Bytes reply);

  Scheduler& scheduler_;
  RandomSource& random_;
  Upstream& upstream_;
  Servers servers_;
  ForwarderOptions options_;
  Logger log_;
  AnswerCache cache_;
  ForwarderStatistics statistics_;
  std::vector<SocketAddress> known_servers_;
  std::map<SocketAddress, TimePoint> suspects_; ///< until when
  std::map<ClientAddress, std::size_t> waiting_of_;
  std::map<std::string, std::shared_ptr<Search>, std::less<>> searches_;
  std::uint64_t unique_ = 0;
};

} // namespace weave::controller::dns
