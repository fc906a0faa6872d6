#include "test/fakes/simulated_network.hpp"

#include <array>
#include <deque>
#include <utility>

#include "base/address.hpp"
#include "gossip/target_address.hpp"

namespace weave::test {
namespace {

constexpr Duration kConnectTimeout = std::chrono::seconds{20};

class ReleaseOnDestroy final : public gossip::Operation {
 public:
  explicit ReleaseOnDestroy(std::function<void()> release) : release_{std::move(release)} {}
  ReleaseOnDestroy(ReleaseOnDestroy const&) = delete;
  ReleaseOnDestroy& operator=(ReleaseOnDestroy const&) = delete;
  ~ReleaseOnDestroy() override { release_(); }

 private:
  std::function<void()> release_;
};

} // namespace

struct SimulatedNetwork::End {
  std::string ip;
  std::uint16_t port = 0;
  std::shared_ptr<gossip::ByteStream::Handlers> handlers;
  bool is_open = true;
  bool is_reset = false;
  std::deque<Bytes> inbox;
  std::deque<Bytes> outbox;
  bool is_transmitting = false;
  bool owes_reset = false;
  bool is_finishing = false;
  TimePoint last_arrival{};
};

struct SimulatedNetwork::Connection {
  std::array<End, 2> ends;

  [[nodiscard]] bool joins(std::string const& a, std::string const& b) const {
    return (ends[0].ip == a && ends[1].ip == b) || (ends[0].ip == b && ends[1].ip == a);
  }
};

class SimulatedStream final : public gossip::ByteStream {
 public:
  SimulatedStream(SimulatedNetwork& network, std::shared_ptr<SimulatedNetwork::Connection> connection, int side)
      : network_{network}, connection_{std::move(connection)}, side_{side} {}
  SimulatedStream(SimulatedStream const&) = delete;
  SimulatedStream& operator=(SimulatedStream const&) = delete;
  ~SimulatedStream() override { network_.close(connection_, side_); }

  void start(Handlers handlers) override {
    own().handlers = std::make_shared<Handlers>(std::move(handlers));
    network_.scheduler_.post([&network = network_, connection = connection_, side = side_] {
      auto& end = connection->ends[static_cast<std::size_t>(side)];
      while (end.is_open && !end.inbox.empty()) {
        auto const bytes = std::move(end.inbox.front());
        end.inbox.pop_front();
        auto const running = end.handlers;
        running->on_bytes(bytes);
      }
      if (end.is_reset) network.on_reset(connection, side);
    });
  }
  void write(Bytes bytes) override {
    own().outbox.push_back(std::move(bytes));
    network_.transmit(connection_, side_);
  }
  void finish() override { network_.finish(connection_, side_); }
  [[nodiscard]] std::string local_text() const override { return text_of(own()); }
  [[nodiscard]] std::string remote_text() const override { return text_of(other()); }
  [[nodiscard]] std::optional<Ipv4Endpoint> local() const override { return endpoint_of(own()); }
  [[nodiscard]] std::optional<Ipv4Endpoint> remote() const override { return endpoint_of(other()); }

 private:
  [[nodiscard]] SimulatedNetwork::End& own() const { return connection_->ends[static_cast<std::size_t>(side_)]; }
  [[nodiscard]] SimulatedNetwork::End& other() const { return connection_->ends[static_cast<std::size_t>(1 - side_)]; }
  [[nodiscard]] static std::string text_of(SimulatedNetwork::End const& end) {
    return gossip::join_host_port(end.ip, end.port);
  }
  [[nodiscard]] static std::optional<Ipv4Endpoint> endpoint_of(SimulatedNetwork::End const& end) {
    auto const address = Ipv4Address::parse(end.ip);
    if (!address) return std::nullopt;
    return Ipv4Endpoint{*address, end.port};
  }

  SimulatedNetwork& network_;
  std::shared_ptr<SimulatedNetwork::Connection> connection_;
  int side_;
};

class SimulatedHost final : public gossip::Transport {
 public:
  SimulatedHost(SimulatedNetwork& network, std::string ip) : network_{network}, ip_{std::move(ip)} {}

  std::unique_ptr<gossip::Operation> dial(
      std::string const& address, std::function<void(Result<std::unique_ptr<gossip::ByteStream>>)> done) override {
    auto shared = std::make_shared<SimulatedNetwork::Dialled>(std::move(done));
    network_.dial(ip_, address, shared);
    return std::make_unique<ReleaseOnDestroy>([shared] { *shared = nullptr; });
  }
  std::unique_ptr<gossip::Operation> resolve(std::string const& host,
                                             std::function<void(Result<std::vector<std::string>>)> done) override {
    auto shared = std::make_shared<std::function<void(Result<std::vector<std::string>>)>>(std::move(done));
    network_.later(network_.delay(), [&network = network_, host, shared] {
      if (!*shared) return;
      auto const call = *shared;
      if (Ipv4Address::parse(host)) return call(std::vector{host});
      auto const at = network.names_.find(host);
      if (at == network.names_.end() || at->second.empty()) {
        return call(failure(ErrorKind::not_found, "lookup " + host + ": no such host"));
      }
      call(at->second);
    });
    return std::make_unique<ReleaseOnDestroy>([shared] { *shared = nullptr; });
  }
  Result<std::unique_ptr<gossip::Operation>> listen(
      std::string const&, std::uint16_t port,
      std::function<void(std::unique_ptr<gossip::ByteStream>)> on_accepted) override {
    auto const address = gossip::join_host_port(ip_, port);
    if (!network_.listeners_.emplace(address, std::move(on_accepted)).second) {
      return failure(ErrorKind::already_exists, "listen tcp " + address + ": bind: address already in use");
    }
    return std::make_unique<ReleaseOnDestroy>([&network = network_, address] { network.listeners_.erase(address); });
  }

 private:
  SimulatedNetwork& network_;
  std::string ip_;
};

SimulatedNetwork::SimulatedNetwork(Scheduler& scheduler, std::uint64_t seed) : scheduler_{scheduler}, random_{seed} {}
SimulatedNetwork::~SimulatedNetwork() = default;

std::unique_ptr<gossip::Transport> SimulatedNetwork::host(std::string ip) {
  return std::make_unique<SimulatedHost>(*this, std::move(ip));
}

void SimulatedNetwork::set_latency(Duration least, Duration spread) {
  least_ = least;
  spread_ = spread;
}

void SimulatedNetwork::set_rate(std::string const& from, std::string const& to, std::size_t bytes_per_second) {
  rates_[std::pair{from, to}] = bytes_per_second;
}

void SimulatedNetwork::partition(std::set<std::string> side) { side_ = std::move(side); }

void SimulatedNetwork::heal() {
  side_.clear();
  auto const all = connections_;
  for (auto const& weak : all) {
    auto const connection = weak.lock();
    if (!connection) continue;
    for (int side = 0; side < 2; ++side) {
      transmit(connection, side);
      if (std::exchange(connection->ends[static_cast<std::size_t>(side)].owes_reset, false)) {
        send_reset(connection, side);
      }
    }
  }
}

void SimulatedNetwork::reset(std::string const& a, std::string const& b) {
  auto const all = connections_;
  for (auto const& weak : all) {
    auto const connection = weak.lock();
    if (!connection || !connection->joins(a, b)) continue;
    for (int side = 0; side < 2; ++side) later(Duration{}, [this, connection, side] { on_reset(connection, side); });
  }
}

void SimulatedNetwork::set_name(std::string const& name, std::vector<std::string> ips) {
  names_[name] = std::move(ips);
}

std::size_t SimulatedNetwork::backlog(std::string const& from, std::string const& to) const {
  std::size_t bytes = 0;
  for (auto const& weak : connections_) {
    auto const connection = weak.lock();
    if (!connection || !connection->joins(from, to)) continue;
    auto const& end = connection->ends[connection->ends[0].ip == from ? 0 : 1];
    for (auto const& each : end.outbox) bytes += each.size();
  }
  return bytes;
}

bool SimulatedNetwork::is_blocked(std::string const& a, std::string const& b) const {
  return side_.contains(a) != side_.contains(b);
}

Duration SimulatedNetwork::delay() {
  return least_ + Duration{static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(spread_.count())))};
}

void SimulatedNetwork::later(Duration delay, std::function<void()> call) {
  auto timer = std::make_shared<Timer>();
  *timer = scheduler_.after(delay, [timer, call = std::move(call)] { call(); });
}

void SimulatedNetwork::dial(std::string const& from, std::string const& address, std::shared_ptr<Dialled> done) {
  ++dials_;
  auto const to = gossip::split_host_port(address);
  if (!to || is_blocked(from, to->first)) {
    later(kConnectTimeout, [address, done] {
      if (*done)
        std::exchange(*done, nullptr)(
            failure(ErrorKind::timed_out, "dial tcp :0->" + address + ": connect: connection timed out"));
    });
    return;
  }
  later(delay(), [this, from, address, done] { connect(from, address, done); });
}

void SimulatedNetwork::connect(std::string const& from, std::string const& address, std::shared_ptr<Dialled> done) {
  auto const listener = listeners_.find(address);
  if (listener == listeners_.end()) {
    later(delay(), [address, done] {
      if (*done)
        std::exchange(
            *done, nullptr)(failure(ErrorKind::refused, "dial tcp :0->" + address + ": connect: connection refused"));
    });
    return;
  }
  auto const to = gossip::split_host_port(address);
  auto connection = std::make_shared<Connection>();
  connection->ends[0].ip = from;
  connection->ends[0].port = next_port_++;
  connection->ends[1].ip = to->first;
  connection->ends[1].port = to->second;
  std::erase_if(connections_, [](auto const& each) { return each.expired(); });
  connections_.push_back(connection);
  auto const accept = listener->second;
  accept(std::make_unique<SimulatedStream>(*this, connection, 1));
  later(delay(), [this, connection, done] {
    auto stream = std::make_unique<SimulatedStream>(*this, connection, 0);
    if (*done) std::exchange(*done, nullptr)(std::move(stream));
  });
}

void SimulatedNetwork::transmit(std::shared_ptr<Connection> const& connection, int side) {
  auto& end = connection->ends[static_cast<std::size_t>(side)];
  auto const& other = connection->ends[static_cast<std::size_t>(1 - side)];
  if (end.is_transmitting || end.outbox.empty() || is_blocked(end.ip, other.ip)) return;
  end.is_transmitting = true;
  auto const rate = rates_.find(std::pair{end.ip, other.ip});
  auto const size = end.outbox.front().size();
  Duration const cost = rate == rates_.end() || rate->second == 0
                            ? Duration{}
                            : Duration{static_cast<Duration::rep>(size * 1'000'000'000 / rate->second)};
  later(cost, [this, connection, side] {
    auto& sender = connection->ends[static_cast<std::size_t>(side)];
    sender.is_transmitting = false;
    if (sender.outbox.empty()) return;
    auto bytes = std::move(sender.outbox.front());
    sender.outbox.pop_front();
    bytes_carried_ += bytes.size();
    sender.last_arrival = std::max(sender.last_arrival, scheduler_.now() + delay());
    later(sender.last_arrival - scheduler_.now(),
          [this, connection, side, bytes = std::move(bytes)] { arrive(connection, 1 - side, bytes); });
    transmit(connection, side);
    if (sender.outbox.empty() && sender.is_finishing) send_reset(connection, side);
    if (sender.outbox.empty() && sender.is_open && sender.handlers) {
      auto const running = sender.handlers;
      if (running->on_drained) running->on_drained();
    }
  });
}

void SimulatedNetwork::arrive(std::shared_ptr<Connection> const& connection, int side, Bytes bytes) {
  auto& end = connection->ends[static_cast<std::size_t>(side)];
  if (!end.is_open || end.is_reset) return;
  if (!end.handlers) {
    end.inbox.push_back(std::move(bytes));
    return;
  }
  auto const running = end.handlers;
  running->on_bytes(bytes);
}

void SimulatedNetwork::close(std::shared_ptr<Connection> const& connection, int side) {
  auto& end = connection->ends[static_cast<std::size_t>(side)];
  if (!end.is_open) return;
  end.is_open = false;
  end.handlers.reset();
  end.outbox.clear();
  end.inbox.clear();
  if (is_blocked(end.ip, connection->ends[static_cast<std::size_t>(1 - side)].ip)) {
    end.owes_reset = true;
    return;
  }
  send_reset(connection, side);
}

void SimulatedNetwork::finish(std::shared_ptr<Connection> const& connection, int side) {
  auto& end = connection->ends[static_cast<std::size_t>(side)];
  // Nobody waits for long until a partition heals.
  if (!end.is_open || is_blocked(end.ip, connection->ends[static_cast<std::size_t>(1 - side)].ip)) {
    return close(connection, side);
  }
  end.is_open = false;
  end.is_finishing = true;
  end.handlers.reset();
  end.inbox.clear();
  if (end.outbox.empty()) send_reset(connection, side);
}

void SimulatedNetwork::send_reset(std::shared_ptr<Connection> const& connection, int side) {
  auto& end = connection->ends[static_cast<std::size_t>(side)];
  end.last_arrival = std::max(end.last_arrival, scheduler_.now() + delay());
  later(end.last_arrival - scheduler_.now(), [this, connection, side] { on_reset(connection, 1 - side); });
}

void SimulatedNetwork::on_reset(std::shared_ptr<Connection> const& connection, int side) {
  auto& end = connection->ends[static_cast<std::size_t>(side)];
  end.is_reset = true;
  if (!end.is_open || !end.handlers) return;
  auto const running = std::exchange(end.handlers, nullptr);
  auto const& other = connection->ends[static_cast<std::size_t>(1 - side)];
  if (other.is_finishing) return running->on_closed({ErrorKind::unavailable, "EOF"});
  running->on_closed(Error{ErrorKind::unavailable, "read tcp " + gossip::join_host_port(end.ip, end.port) + "->" +
                                                       gossip::join_host_port(other.ip, other.port) +
                                                       ": read: connection reset by peer"});
}

} // namespace weave::test
