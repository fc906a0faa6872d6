#include "controller/dns/tcp_service.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace weave::controller::dns {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kLargestQuery = 16UL << 10U;
constexpr std::size_t kLargestBacklog = 64UL << 10U; ///< bytes of replies waiting, before reading stops
constexpr std::chrono::milliseconds kAcceptPause{200};
constexpr std::chrono::milliseconds kLinger{1000};

ClientAddress client_address(tcp::endpoint const& endpoint) {
  if (endpoint.address().is_v6()) return endpoint.address().to_v6().to_bytes();
  return asio::ip::make_address_v6(asio::ip::v4_mapped, endpoint.address().to_v4()).to_bytes();
}

/// Two bytes of length, then the message.
Bytes framed(ByteView message) {
  Bytes bytes;
  bytes.reserve(message.size() + 2);
  bytes.push_back(static_cast<std::uint8_t>(message.size() >> 8U));
  bytes.push_back(static_cast<std::uint8_t>(message.size()));
  bytes.insert(bytes.end(), message.begin(), message.end());
  return bytes;
}

} // namespace

class TcpService::State : public std::enable_shared_from_this<State> {
 public:
  State(asio::io_context& context, NameLookup const& names, AnsweringOptions const& answering, RandomSource& random,
        Forward forward, TcpServiceOptions options, Logger log)
      : context_{context},
        names_{names},
        answering_{answering, random},
        forward_{std::move(forward)},
        options_{options},
        log_{std::move(log)} {}

  Result<void> listen(SocketAddress const& address);
  void close();
  [[nodiscard]] std::size_t connections() const { return sessions_.size(); }
  [[nodiscard]] QueryCounts counts() const { return counts_; }

 private:
  class Session;
  struct Port {
    explicit Port(asio::io_context& context) : acceptor{context}, pause{context} {}
    tcp::acceptor acceptor;
    asio::steady_timer pause;
  };

  void accept(std::shared_ptr<Port> const& port);
  void admit(tcp::socket socket);
  void forget(std::shared_ptr<Session> const& session);

  asio::io_context& context_;
  NameReader names_;
  Answering answering_;
  Forward forward_;
  TcpServiceOptions options_;
  Logger log_;
  QueryCounts counts_;
  Bytes room_ = Bytes(Answering::kTcpRoom);
  std::vector<std::shared_ptr<Port>> ports_;
  std::set<std::shared_ptr<Session>> sessions_;
  std::map<ClientAddress, std::size_t> connections_of_;
};

/// One connection. Its pending operations keep it alive; the service, which may go first, is looked for each time.
class TcpService::State::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, ClientAddress const& client, std::weak_ptr<State> service)
      : socket_{std::move(socket)}, timer_{socket_.get_executor()}, client_{client}, service_{std::move(service)} {}

  void start(TcpServiceOptions const& options) {
    options_ = options;
    watch(options.first_query);
    read();
  }
  void close() {
    if (!std::exchange(open_, false)) return;
    error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
  }
  [[nodiscard]] ClientAddress const& client() const { return client_; }

 private:
  void watch(std::chrono::milliseconds time);
  void read();
  void on_read(error_code const& error, std::size_t size);
  [[nodiscard]] bool take_queries();
  void answer(State& service, ByteView query);
  void queue(Bytes reply);
  void write();
  void go_on();
  void linger();
  void end();
  [[nodiscard]] bool is_full() const { return pending_ >= options_.max_pending || waiting_size_ >= kLargestBacklog; }

  tcp::socket socket_;
  asio::steady_timer timer_;
  ClientAddress client_;
  std::weak_ptr<State> service_;
  TcpServiceOptions options_;
  Bytes input_;
  std::array<std::uint8_t, 4096> arrived_;
  std::vector<Bytes> waiting_;
  std::vector<Bytes> in_flight_;
  std::size_t waiting_size_ = 0;
  std::size_t pending_ = 0;
  unsigned queries_ = 0;
  bool open_ = true;
  bool reading_ = false;
  bool last_read_ = false; ///< no more queries are wanted, or come
  bool lingering_ = false;
};

void TcpService::State::Session::watch(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([self = shared_from_this()](error_code const& error) {
    if (error || !self->open_) return;
    // Waiting for another server is not the client's fault.
    if (self->pending_ > 0 && self->in_flight_.empty()) return self->watch(self->options_.idle);
    self->end();
  });
}

void TcpService::State::Session::read() {
  reading_ = true;
  socket_.async_read_some(asio::buffer(arrived_),
                          [self = shared_from_this()](error_code const& error, std::size_t size) {
                            self->reading_ = false;
                            if (self->open_) self->on_read(error, size);
                          });
}

void TcpService::State::Session::on_read(error_code const& error, std::size_t size) {
  if (error && error != asio::error::eof) return end();
  if (lingering_) return error ? end() : read();
  if (error) last_read_ = true;
  input_.insert(input_.end(), arrived_.begin(), arrived_.begin() + static_cast<std::ptrdiff_t>(size));
  go_on();
}

/// Answers what is complete, as far as there is room for the replies; false if the client breaks the rules.
bool TcpService::State::Session::take_queries() {
  auto const service = service_.lock();
  if (!service) return false;
  std::size_t used = 0;
  while (!is_full() && queries_ < options_.max_queries && input_.size() - used >= 2) {
    auto const size = std::size_t{input_[used]} << 8U | input_[used + 1];
    if (size > kLargestQuery) return false;
    if (input_.size() - used - 2 < size) break;
    ++queries_;
    watch(options_.idle);
    answer(*service, ByteView{input_}.subspan(used + 2, size));
    used += 2 + size;
  }
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(used));
  if (queries_ >= options_.max_queries) {
    last_read_ = true;
    input_.clear();
  }
  return true;
}

void TcpService::State::Session::answer(State& service, ByteView query) {
  auto const decision = service.answering_.answer(query, Transport::tcp, service.names_.current(), service.room_);
  service.counts_.count(decision);
  if (decision.size > 0) queue(framed(ByteView{service.room_}.first(decision.size)));
  if (decision.verdict != Verdict::forward) return;
  ++pending_;
  service.forward_(query, client_, [weak = weak_from_this()](Bytes reply) {
    auto const self = weak.lock();
    if (!self || !self->open_) return;
    --self->pending_;
    self->watch(self->options_.idle);
    self->queue(framed(reply));
    // From a place of its own, since the reply may come while queries are being taken.
    asio::post(self->socket_.get_executor(), [self] {
      if (self->open_) self->go_on();
    });
  });
}

void TcpService::State::Session::queue(Bytes reply) {
  waiting_size_ += reply.size();
  waiting_.push_back(std::move(reply));
}

/// What can be done now: taking queries, writing replies, reading on, or ending.
void TcpService::State::Session::go_on() {
  if (!take_queries()) return end();
  if (in_flight_.empty() && !waiting_.empty()) write();
  if (!last_read_ && !reading_ && !is_full()) read();
  if (last_read_ && pending_ == 0 && in_flight_.empty() && !is_full()) linger();
}

/// Closing with input unread would reset the connection and take replies with it.
void TcpService::State::Session::linger() {
  if (std::exchange(lingering_, true)) return;
  error_code error;
  socket_.shutdown(tcp::socket::shutdown_send, error);
  if (error) return end();
  watch(kLinger);
  if (!reading_) read();
}

void TcpService::State::Session::write() {
  in_flight_.swap(waiting_);
  waiting_size_ = 0;
  std::vector<asio::const_buffer> buffers;
  buffers.reserve(in_flight_.size());
  for (auto const& bytes : in_flight_) buffers.emplace_back(bytes.data(), bytes.size());
  asio::async_write(socket_, buffers, [self = shared_from_this()](error_code const& error, std::size_t) {
    if (!self->open_) return;
    if (error) return self->end();
    self->in_flight_.clear();
    self->watch(self->options_.idle);
    self->go_on();
  });
}

void TcpService::State::Session::end() {
  auto const self = shared_from_this();
  close();
  if (auto const service = service_.lock()) service->forget(self);
}

Result<void> TcpService::State::listen(SocketAddress const& address) {
  auto port = std::make_shared<Port>(context_);
  error_code error;
  auto const host = asio::ip::make_address(address.host.empty() ? "0.0.0.0" : address.host, error);
  tcp::endpoint const endpoint{host, address.port};
  if (!error) port->acceptor.open(endpoint.protocol(), error);
  if (!error) port->acceptor.set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error && host.is_v6()) port->acceptor.set_option(asio::ip::v6_only{true}, error);
  if (!error) port->acceptor.bind(endpoint, error);
  if (!error) port->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return failure(ErrorKind::system, fmt::format("listen tcp {}: {}", address.to_string(), error.message()));
  }
  ports_.push_back(port);
  accept(port);
  return {};
}

void TcpService::State::accept(std::shared_ptr<Port> const& port) {
  port->acceptor.async_accept(
      [weak = weak_from_this(), held = std::weak_ptr{port}](error_code const& error, tcp::socket socket) {
        auto const self = weak.lock();
        auto const open = held.lock();
        if (!self || !open || error == asio::error::operation_aborted) return;
        if (!error) {
          self->admit(std::move(socket));
        } else if (error != asio::error::connection_aborted) {
          // Out of descriptors or memory: a loop would only burn the processor.
          self->log_.warning("dns: accept: {}", error.message());
          open->pause.expires_after(kAcceptPause);
          open->pause.async_wait([weak, held](error_code const& failed) {
            auto const later = weak.lock();
            auto const still_open = held.lock();
            if (!failed && later && still_open) later->accept(still_open);
          });
          return;
        }
        self->accept(open);
      });
}

void TcpService::State::admit(tcp::socket socket) {
  error_code error;
  auto const client = client_address(socket.remote_endpoint(error));
  if (error || sessions_.size() >= options_.max_connections) return;
  auto& own = connections_of_[client];
  if (own >= options_.max_connections_per_client) return;
  ++own;
  socket.set_option(tcp::no_delay{true}, error);
  auto const session = std::make_shared<Session>(std::move(socket), client, weak_from_this());
  sessions_.insert(session);
  session->start(options_);
}

void TcpService::State::forget(std::shared_ptr<Session> const& session) {
  if (sessions_.erase(session) == 0) return;
  auto const own = connections_of_.find(session->client());
  if (own != connections_of_.end() && --own->second == 0) connections_of_.erase(own);
}

void TcpService::State::close() {
  ports_.clear();
  for (auto const& session : std::exchange(sessions_, {})) session->close();
}

TcpService::TcpService(asio::io_context& context, NameLookup const& names, AnsweringOptions const& answering,
                       RandomSource& random, Forward forward, TcpServiceOptions options, Logger log)
    : state_{std::make_shared<State>(context, names, answering, random, std::move(forward), options, std::move(log))} {}

TcpService::~TcpService() { state_->close(); }

Result<void> TcpService::listen(SocketAddress const& address) { return state_->listen(address); }
std::size_t TcpService::connections() const { return state_->connections(); }
QueryCounts TcpService::counts() const { return state_->counts(); }

} // namespace weave::controller::dns
