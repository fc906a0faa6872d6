#include "base/http/server.hpp"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <set>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/http/connection.hpp"
#include "base/http/listener.hpp"

namespace weave::http {

namespace asio = boost::asio;

namespace {

constexpr int kAcceptsInARow = 16;
constexpr std::chrono::milliseconds kAcceptPause{200};
constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 21\r\nConnection: close\r\n\r\ntoo many connections\n";

} // namespace

class Server::State final : public Connection::Owner, public std::enable_shared_from_this<Server::State> {
 public:
  State(asio::io_context& context, Handler handler, ServerOptions options, Logger log)
      : context_{context}, handler_{std::move(handler)}, options_{options}, log_{std::move(log)} {}

  void listen(Listener listener);
  void on_request(Request request, Responder responder) override;
  void on_finished(Connection& connection) override;
  void drain(std::function<void()> done);
  void close();
  [[nodiscard]] std::vector<Endpoint> endpoints() const;
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  struct Port {
    Port(asio::io_context& context, Listener from)
        : descriptor{context, from.fd.release()},
          pause{context},
          endpoint{std::move(from.endpoint)},
          file{std::move(from.file)} {}

    asio::posix::stream_descriptor descriptor;
    asio::steady_timer pause;
    Endpoint endpoint;
    std::optional<SocketFile> file; // last, so that the file goes before the descriptor
  };

  void wait_to_accept(std::shared_ptr<Port> const& port);
  void accept_some(std::shared_ptr<Port> const& port);
  void pause_accepting(std::shared_ptr<Port> const& port, int error);
  void admit(Port const& port, UniqueFd fd);
  [[nodiscard]] bool make_room();

  asio::io_context& context_;
  Handler handler_;
  ServerOptions options_;
  Logger log_;
  std::vector<std::shared_ptr<Port>> ports_;
  std::set<std::shared_ptr<Connection>> connections_;
  std::function<void()> drained_;
  bool complained_ = false; ///< about the present overload
};

void Server::State::listen(Listener listener) {
  auto const& port = ports_.emplace_back(std::make_shared<Port>(context_, std::move(listener)));
  wait_to_accept(port);
}

void Server::State::wait_to_accept(std::shared_ptr<Port> const& port) {
  auto& descriptor = port->descriptor;
  descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                        [weak = weak_from_this(), held = std::weak_ptr{port}](boost::system::error_code error) {
                          auto const self = weak.lock();
                          auto const open = held.lock();
                          if (!error && self && open) self->accept_some(open);
                        });
}

void Server::State::accept_some(std::shared_ptr<Port> const& port) {
  for (int i = 0; i < kAcceptsInARow; ++i) {
    UniqueFd fd{::accept4(port->descriptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (fd) {
      admit(*port, std::move(fd));
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return pause_accepting(port, errno);
    }
  }
  wait_to_accept(port);
}

/// Out of descriptors or memory: the connection stays in the backlog, and a loop would only burn the processor.
void Server::State::pause_accepting(std::shared_ptr<Port> const& port, int error) {
  if (!complained_) log_.warning("http: {}", system_error("accept on " + port->endpoint.to_string(), error).text());
  complained_ = true;
  port->pause.expires_after(kAcceptPause);
  port->pause.async_wait([weak = weak_from_this(), held = std::weak_ptr{port}](boost::system::error_code failed) {
    auto const self = weak.lock();
    auto const open = held.lock();
    if (!failed && self && open) self->accept_some(open);
  });
}

void Server::State::admit(Port const& port, UniqueFd fd) {
  if (connections_.size() >= options_.max_connections && !make_room()) {
    if (!complained_) log_.warning("http: {}: too many connections", port.endpoint.to_string());
    complained_ = true;
    [[maybe_unused]] auto const sent = ::send(fd.get(), kFull.data(), kFull.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return;
  }
  auto const family = port.endpoint.is_unix() ? AF_UNIX : AF_INET;
  if (family == AF_INET) {
    int const on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  Connection::Socket socket{context_};
  boost::system::error_code failed;
  socket.assign(asio::generic::stream_protocol{family, 0}, fd.get(), failed);
  if (failed) return;
  [[maybe_unused]] auto const owned = fd.release();
  auto const connection = std::make_shared<Connection>(std::move(socket), options_, weak_from_this());
  connections_.insert(connection);
  connection->start();
}

bool Server::State::make_room() {
  std::shared_ptr<Connection> oldest;
  for (auto const& connection : connections_) {
    if (connection->idle_since() && (!oldest || *connection->idle_since() < *oldest->idle_since())) oldest = connection;
  }
  if (!oldest) return false;
  connections_.erase(oldest);
  oldest->close();
  return true;
}

void Server::State::on_request(Request request, Responder responder) {
  complained_ = false;
  try {
    handler_(std::move(request), std::move(responder));
  } catch (std::exception const& problem) {
    log_.error("http: a request handler failed: {}", problem.what());
  }
}

void Server::State::on_finished(Connection& connection) {
  connections_.erase(connection.shared_from_this());
  if (connections_.empty() && ports_.empty()) {
    if (auto const done = std::exchange(drained_, nullptr)) done();
  }
}

void Server::State::drain(std::function<void()> done) {
  ports_.clear();
  drained_ = std::move(done);
  for (auto const& connection : std::vector(connections_.begin(), connections_.end())) connection->end_when_idle();
  if (connections_.empty()) {
    if (auto const call = std::exchange(drained_, nullptr)) call();
  }
}

void Server::State::close() {
  ports_.clear();
  drained_ = nullptr;
  for (auto const& connection : std::exchange(connections_, {})) connection->close();
}

std::vector<Endpoint> Server::State::endpoints() const {
  std::vector<Endpoint> all;
  for (auto const& port : ports_) all.push_back(port->endpoint);
  return all;
}

Server::Server(asio::io_context& context, Handler handler, ServerOptions options, Logger log)
    : state_{std::make_shared<State>(context, std::move(handler), options, std::move(log))} {}

Server::~Server() { close(); }

Result<void> Server::bind_unix(std::string const& path, unsigned mode) {
  auto listener = listen_unix(path, mode);
  if (!listener) return failure_of(listener);
  state_->listen(*std::move(listener));
  return {};
}

Result<Endpoint> Server::bind_tcp(Endpoint const& endpoint) {
  auto listener = listen_tcp(endpoint);
  if (!listener) return failure_of(listener);
  auto bound = listener->endpoint;
  state_->listen(*std::move(listener));
  return bound;
}

Result<void> Server::bind(Endpoint const& endpoint, unsigned mode) {
  if (endpoint.is_unix()) return bind_unix(endpoint.path, mode);
  auto const bound = bind_tcp(endpoint);
  if (!bound) return failure_of(bound);
  return {};
}

Result<void> Server::adopt(UniqueFd listening) {
  auto listener = adopt_listener(std::move(listening));
  if (!listener) return failure_of(listener);
  state_->listen(*std::move(listener));
  return {};
}

std::vector<Endpoint> Server::endpoints() const { return state_->endpoints(); }
std::size_t Server::connections() const { return state_->connections(); }
void Server::drain(std::function<void()> done) { state_->drain(std::move(done)); }
void Server::close() { state_->close(); }

} // namespace weave::http
