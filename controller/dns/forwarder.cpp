#include "controller/dns/forwarder.hpp"

#include <algorithm>
#include <utility>

#include "controller/dns/answering.hpp"
#include "controller/dns/relayed_reply.hpp"

namespace weave::controller::dns {
namespace {

constexpr char kUnique = '#';

/// Queries whose replies depend on nothing but the question and the flags in the key.
bool is_plain(Query const& query) {
  auto const& header = query.header;
  return header.opcode == 0 && header.questions == 1 && header.answers == 0 && header.authorities == 0 &&
         header.additionals == (query.has_edns ? 1 : 0) && !query.has_edns_options;
}

bool is_second_choice(Rcode rcode) { return rcode == Rcode::refused || rcode == Rcode::not_implemented; }

} // namespace

/// One question on its way through the servers, and who waits for the answer.
class Forwarder::Search : public std::enable_shared_from_this<Search> {
 public:
  Search(Forwarder& owner, std::string key, Query const& query, ByteView bytes, Transport transport)
      : owner_{owner},
        key_{std::move(key)},
        query_{query},
        bytes_(bytes.begin(), bytes.end()),
        transport_{transport},
        servers_{owner.known_servers_} {}

  void add(Waiter waiter) { waiters_.push_back(std::move(waiter)); }
  [[nodiscard]] std::vector<Waiter>& waiters() { return waiters_; }
  [[nodiscard]] Query const& query() const { return query_; }

  /// Asks the next server, and with a silent one the one behind it.
  void ask_next() {
    while (next_ < servers_.size()) {
      auto const& server = servers_[next_++];
      start(server, owner_.options_.reply_timeout);
      if (!is_suspect(server)) break;
    }
    if (next_ < servers_.size()) {
      timer_ = owner_.scheduler_.after(owner_.options_.stagger, [this] { ask_next(); });
    } else if (owner_.options_.resend_after < owner_.options_.reply_timeout) {
      timer_ = owner_.scheduler_.after(owner_.options_.resend_after, [this] { resend(); });
    }
  }

 private:
  struct Attempt {
    SocketAddress server;
    std::uint16_t id;
    Transport transport;
    TimePoint since;
    std::unique_ptr<Upstream::Exchange> exchange;
    Timer deadline;
    Bytes truncated;

    [[nodiscard]] bool is_live() const { return exchange != nullptr; }
  };

  void start(SocketAddress const& server, Duration timeout);
  void send(Attempt& attempt, Transport transport);
  void resend();
  void on_message(Attempt& attempt, ByteView message);
  void fail(Attempt& attempt);
  void give_up();
  void finish(Bytes reply);

  [[nodiscard]] bool is_suspect(SocketAddress const& server) const {
    auto const found = owner_.suspects_.find(server);
    return found != owner_.suspects_.end() && found->second > owner_.scheduler_.now();
  }
  void suspect(SocketAddress const& server) {
    owner_.suspects_[server] = owner_.scheduler_.now() + owner_.options_.suspect_for;
  }

  Forwarder& owner_;
  std::string key_;
  Query query_;
  Bytes bytes_;
  Transport transport_;
  std::vector<SocketAddress> servers_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  Timer timer_;
  Bytes last_resort_;
  std::vector<Waiter> waiters_;
};

void Forwarder::Search::start(SocketAddress const& server, Duration timeout) {
  attempts_.push_back(std::make_unique<Attempt>());
  auto& attempt = *attempts_.back();
  attempt.server = server;
  attempt.since = owner_.scheduler_.now();
  attempt.deadline = owner_.scheduler_.after(timeout, [this, &attempt] {
    ++owner_.statistics_.timeouts;
    suspect(attempt.server);
    fail(attempt);
  });
  send(attempt, transport_);
}

void Forwarder::Search::send(Attempt& attempt, Transport transport) {
  attempt.id = static_cast<std::uint16_t>(owner_.random_.u64());
  attempt.transport = transport;
  auto bytes = bytes_;
  bytes[0] = static_cast<std::uint8_t>(attempt.id >> 8U);
  bytes[1] = static_cast<std::uint8_t>(attempt.id);
  ++owner_.statistics_.sent;
  attempt.exchange =
      owner_.upstream_.send(attempt.server, transport, std::move(bytes),
                            {.on_message = [this, &attempt](ByteView message) { on_message(attempt, message); },
                             .on_failed =
                                 [this, &attempt](Error const& error) {
                                   owner_.log_.debug("dns: {}: {}", attempt.server.to_string(), error.text());
                                   fail(attempt);
                                 }});
}

/// A query or its reply may have been lost.
void Forwarder::Search::resend() {
  auto const count = attempts_.size();
  for (std::size_t i = 0; i < count; ++i) {
    auto const& attempt = *attempts_[i];
    if (!attempt.is_live() || attempt.transport == Transport::tcp) continue;
    auto const left = owner_.options_.reply_timeout - (owner_.scheduler_.now() - attempt.since);
    auto const server = attempt.server;
    if (left > Duration::zero()) start(server, left);
  }
}

void Forwarder::Search::on_message(Attempt& attempt, ByteView message) {
  auto const facts = examine_reply(message, query_, attempt.id);
  if (!facts) {
    auto const header = Header::decode(message);
    // Over UDP the true reply may still come.
    if (attempt.transport == Transport::tcp || (header && header->id == attempt.id)) fail(attempt);
    return;
  }
  if (facts->truncated && attempt.transport == Transport::udp) {
    ++owner_.statistics_.tcp_retries;
    attempt.truncated.assign(message.begin(), message.end());
    return send(attempt, Transport::tcp);
  }
  owner_.suspects_.erase(attempt.server);
  if (is_second_choice(facts->rcode)) {
    if (last_resort_.empty()) last_resort_.assign(message.begin(), message.end());
    return fail(attempt);
  }
  if (key_[0] != kUnique && facts->lifetime) {
    owner_.cache_.insert(key_, message, *facts->lifetime, owner_.scheduler_.now());
  }
  finish(Bytes(message.begin(), message.end()));
}

void Forwarder::Search::fail(Attempt& attempt) {
  attempt.exchange.reset();
  attempt.deadline.reset();
  if (last_resort_.empty()) last_resort_ = std::move(attempt.truncated);
  if (next_ < servers_.size()) return ask_next();
  if (std::ranges::none_of(attempts_, [](auto const& each) { return each->is_live(); })) give_up();
}

void Forwarder::Search::give_up() {
  if (!last_resort_.empty()) return finish(std::move(last_resort_));
  ++owner_.statistics_.failures;
  finish(error_reply(query_, Rcode::server_failure));
}

void Forwarder::Search::finish(Bytes reply) {
  auto const self = shared_from_this();
  auto const now = owner_.scheduler_.now();
  for (auto const& attempt : attempts_) {
    if (attempt->is_live() && now - attempt->since >= owner_.options_.stagger) suspect(attempt->server);
  }
  timer_.reset();
  attempts_.clear();
  owner_.finish(key_, reply);
}

Forwarder::Forwarder(Scheduler& scheduler, RandomSource& random, Upstream& upstream, Servers servers,
                     ForwarderOptions options, Logger log)
    : scheduler_{scheduler},
      random_{random},
      upstream_{upstream},
      servers_{std::move(servers)},
      options_{options},
      log_{std::move(log)},
      cache_{options.cache} {}

Forwarder::~Forwarder() = default;

void Forwarder::forward(ByteView bytes, Transport transport, ClientAddress const& client, Done done) {
  auto const query = parse_query(bytes);
  if (!query || query->header.response) return;
  ++statistics_.queries;
  notice_servers(servers_());
  Waiter waiter{.query = *query, .limit = query->reply_limit(transport), .client = client, .done = std::move(done)};
  auto key = key_of(*query);
  if (auto cached = cache_.find(key, scheduler_.now())) {
    ++statistics_.cache_hits;
    return deliver(waiter, *std::move(cached));
  }
  if (known_servers_.empty() || !admit(client)) {
    ++(known_servers_.empty() ? statistics_.failures : statistics_.refused);
    return waiter.done(error_reply(*query, Rcode::server_failure));
  }
  if (auto const found = searches_.find(key); found != searches_.end()) {
    ++statistics_.joined;
    return found->second->add(std::move(waiter));
  }
  auto const search = std::make_shared<Search>(*this, key, *query, bytes, transport);
  search->add(std::move(waiter));
  searches_.emplace(std::move(key), search);
  search->ask_next();
}

std::string Forwarder::key_of(Query const& query) {
  if (!is_plain(query)) return kUnique + std::to_string(++unique_);
  std::string key = "=";
  for (auto const byte : query.question.name.wire()) {
    key += static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
  }
  auto const flags = (query.header.recursion_desired ? 1 : 0) | (query.header.checking_disabled ? 2 : 0) |
                     (query.header.authentic ? 4 : 0) | (query.has_edns ? 8 : 0) | (query.dnssec_ok ? 16 : 0);
  for (auto const part : {query.question.type >> 8, query.question.type & 0xff, query.question.klass >> 8,
                          query.question.klass & 0xff, flags}) {
    key += static_cast<char>(part);
  }
  return key;
}

/// Another network may have other answers.
void Forwarder::notice_servers(std::vector<SocketAddress> const& servers) {
  if (servers == known_servers_) return;
  known_servers_ = servers;
  cache_.clear();
  suspects_.clear();
}

bool Forwarder::admit(ClientAddress const& client) {
  if (statistics_.pending >= options_.max_pending) return false;
  auto const own = waiting_of_.find(client);
  if (own != waiting_of_.end() && own->second >= options_.max_pending_per_client) return false;
  ++waiting_of_[client];
  ++statistics_.pending;
  return true;
}

void Forwarder::release(ClientAddress const& client) {
  --statistics_.pending;
  auto const own = waiting_of_.find(client);
  if (own != waiting_of_.end() && --own->second == 0) waiting_of_.erase(own);
}

void Forwarder::finish(std::string const& key, Bytes const& reply) {
  auto const found = searches_.find(key);
  if (found == searches_.end()) return;
  auto const waiters = std::move(found->second->waiters());
  searches_.erase(found);
  for (auto const& waiter : waiters) {
    release(waiter.client);
    deliver(waiter, reply);
  }
}

void Forwarder::deliver(Waiter const& waiter, Bytes reply) {
  address_reply(reply, waiter.query);
  waiter.done(fit_reply(std::move(reply), waiter.limit));
}

ForwarderStatistics Forwarder::statistics() const {
  auto result = statistics_;
  result.cached = cache_.size();
  return result;
}

} // namespace weave::controller::dns
