#include "controller/dns/server.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "controller/dns/asio_upstream.hpp"

namespace weave::controller::dns {
namespace {

/// Queries on their way from the UDP threads to the control thread.
constexpr std::size_t kMostHandedOver = 4096;

std::vector<std::string> hosts_of(std::vector<SocketAddress> const& addresses) {
  std::vector<std::string> hosts;
  for (auto const& address : addresses) hosts.push_back(address.host);
  return hosts;
}

} // namespace

class Server::State : public std::enable_shared_from_this<State> {
 public:
  State(boost::asio::io_context& context, Scheduler& scheduler, RandomSource& random, NameLookup const& names,
        ServerOptions options, Logger log)
      : context_{context},
        random_{random},
        names_{names},
        options_{std::move(options)},
        log_{std::move(log)},
        upstream_{context.get_executor()},
        resolver_file_{scheduler, options_.resolver_file, hosts_of(options_.listen), log_},
        forwarder_{std::in_place, scheduler, random, upstream_, resolver_servers(), options_.forwarding, log_} {}

  Result<void> start();
  void stop();
  [[nodiscard]] std::vector<SocketAddress> addresses() const;
  [[nodiscard]] ServerStatistics statistics() const;

 private:
  [[nodiscard]] std::function<std::vector<SocketAddress> const&()> resolver_servers() {
    return [this]() -> std::vector<SocketAddress> const& { return resolver_file_.servers(); };
  }
  [[nodiscard]] Result<void> bind(AnsweringOptions const& answering);
  [[nodiscard]] Result<std::vector<UdpSocket>> bind_udp(std::vector<SocketAddress> const& addresses, bool join) const;
  void hand_over(UdpSocket const& socket, UdpClient const& client, ByteView query);

  boost::asio::io_context& context_;
  RandomSource& random_;
  NameLookup const& names_;
  ServerOptions options_;
  Logger log_;
  AsioUpstream upstream_;
  ResolverFile resolver_file_;
  std::optional<Forwarder> forwarder_;
  std::optional<TcpService> tcp_;
  std::vector<std::unique_ptr<UdpWorker>> workers_;
  std::atomic<std::size_t> handed_over_{0};
  std::atomic<std::uint64_t> overloaded_{0};
  LatencyHistogram forwarded_latency_; ///< control thread
};

Result<void> Server::State::start() {
  auto const domain = DomainName::parse(options_.domain);
  if (!domain) return failure_of(domain);
  auto bound = bind({.domain = *domain, .ttl = options_.ttl, .negative_ttl = options_.ttl});
  for (std::size_t i = 0; bound && i < workers_.size(); ++i) bound = workers_[i]->start();
  if (!bound) {
    stop();
    return bound;
  }
  for (auto const& address : addresses())
    log_.info("dns: listening on {} for {}", address.to_string(), domain->to_string());
  return {};
}

Result<void> Server::State::bind(AnsweringOptions const& answering) {
  tcp_.emplace(
      context_, names_, answering, random_,
      [this](ByteView query, ClientAddress const& client, std::function<void(Bytes)> done) {
        if (forwarder_) forwarder_->forward(query, Transport::tcp, client, std::move(done));
      },
      options_.tcp, log_);
  auto addresses = options_.listen;
  for (unsigned i = 0; i < std::max(options_.threads, 1U); ++i) {
    auto sockets = bind_udp(addresses, i > 0);
    if (!sockets) return failure_of(sockets);
    addresses.clear();
    for (auto const& socket : *sockets) addresses.push_back(socket.local());
    workers_.push_back(std::make_unique<UdpWorker>(*std::move(sockets), names_, answering, random_.u64(),
                                                   [this](UdpSocket const& socket, UdpClient const& client,
                                                          ByteView query) { hand_over(socket, client, query); }));
  }
  for (auto const& address : addresses) {
    if (auto const listening = tcp_->listen(address); !listening) return failure_of(listening);
  }
  return {};
}

Result<std::vector<UdpSocket>> Server::State::bind_udp(std::vector<SocketAddress> const& addresses, bool join) const {
  std::vector<UdpSocket> sockets;
  for (auto const& address : addresses) {
    auto socket = UdpSocket::bind(address, join);
    if (!socket) return failure_of(socket);
    if (options_.threads > 1) socket->let_join();
    sockets.push_back(*std::move(socket));
  }
  return sockets;
}

/// On a worker's thread. The socket lives until the workers do, which end on the control thread.
void Server::State::hand_over(UdpSocket const& socket, UdpClient const& client, ByteView query) {
  if (handed_over_.fetch_add(1, std::memory_order_relaxed) >= kMostHandedOver) {
    handed_over_.fetch_sub(1, std::memory_order_relaxed);
    overloaded_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  boost::asio::post(context_, [weak = weak_from_this(), &socket, client, bytes = Bytes(query.begin(), query.end()),
                               taken = std::chrono::steady_clock::now()] {
    auto const self = weak.lock();
    if (!self) return;
    self->handed_over_.fetch_sub(1, std::memory_order_relaxed);
    if (!self->forwarder_) return;
    // Whoever still waits when the server stops is dropped with the forwarder, before the sockets go.
    self->forwarder_->forward(bytes, Transport::udp, client.address.client(),
                              [&socket, client, taken, &latency = self->forwarded_latency_](Bytes const& reply) {
                                socket.send(client, reply);
                                latency.add(std::chrono::steady_clock::now() - taken);
                              });
  });
}

void Server::State::stop() {
  forwarder_.reset();
  tcp_.reset();
  workers_.clear();
}

std::vector<SocketAddress> Server::State::addresses() const {
  std::vector<SocketAddress> result;
  if (workers_.empty()) return result;
  for (auto const& socket : workers_.front()->sockets()) result.push_back(socket.local());
  return result;
}

ServerStatistics Server::State::statistics() const {
  ServerStatistics result;
  for (auto const& worker : workers_) {
    result.udp += worker->counts();
    result.local_latency += worker->latency();
  }
  result.forwarded_latency = forwarded_latency_.counts();
  if (tcp_) {
    result.tcp = tcp_->counts();
    result.tcp_connections = tcp_->connections();
  }
  result.overloaded = overloaded_.load(std::memory_order_relaxed);
  if (forwarder_) result.forwarding = forwarder_->statistics();
  return result;
}

Server::Server(boost::asio::io_context& context, Scheduler& scheduler, RandomSource& random, NameLookup const& names,
               ServerOptions options, Logger log)
    : state_{std::make_shared<State>(context, scheduler, random, names, std::move(options), std::move(log))} {}

Server::~Server() { stop(); }

Result<void> Server::start() { return state_->start(); }
void Server::stop() { state_->stop(); }
std::vector<SocketAddress> Server::addresses() const { return state_->addresses(); }
ServerStatistics Server::statistics() const { return state_->statistics(); }

} // namespace weave::controller::dns
