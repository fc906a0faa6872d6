#include "gossip/asio/tcp_listener.hpp"

#include <netinet/tcp.h>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "gossip/asio/tcp_address.hpp"
#include "gossip/asio/tcp_stream.hpp"
#include "gossip/token_bucket.hpp"

namespace weave::gossip {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr int kTokens = 20;
constexpr std::chrono::milliseconds kTokenInterval{50};
constexpr std::chrono::seconds kPauseWhenExhausted{1};
constexpr int kKeepaliveSeconds = 15;

using KeepaliveIdle = boost::asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
using KeepaliveInterval = boost::asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;

void set_keepalive(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(boost::asio::socket_base::keep_alive{true}, ignored);
  socket.set_option(KeepaliveIdle{kKeepaliveSeconds}, ignored);
  socket.set_option(KeepaliveInterval{kKeepaliveSeconds}, ignored);
}

bool is_exhaustion(error_code const& error) {
  return error == boost::asio::error::no_descriptors || error == boost::asio::error::no_buffer_space ||
         error == boost::asio::error::no_memory || error.value() == ENFILE;
}

class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(tcp::acceptor acceptor, std::function<void(std::unique_ptr<ByteStream>)> on_accepted,
           FinishingCount finishing, Logger logger)
      : acceptor_{std::move(acceptor)},
        pause_{acceptor_.get_executor()},
        on_accepted_{std::move(on_accepted)},
        finishing_{std::move(finishing)},
        logger_{std::move(logger)} {}

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code const& error, tcp::socket socket) {
      if (!self->open_) return;
      if (error) return self->on_error(error);
      set_keepalive(socket);
      // Not a stream any more if the remote has reset it meanwhile.
      auto stream = make_tcp_stream(std::move(socket), self->finishing_);
      if (stream) self->on_accepted_(*std::move(stream));
      if (self->open_) self->resume_after(self->bucket_.take(std::chrono::steady_clock::now()));
    });
  }

  void close() {
    open_ = false;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

 private:
  void on_error(error_code const& error) {
    error_code ignored;
    auto const address = endpoint_text(acceptor_.local_endpoint(ignored));
    logger_.error("{}", tcp_error(fmt::format("accept tcp {}", address), "accept", error).text());
    auto const turn = bucket_.take(std::chrono::steady_clock::now());
    resume_after(is_exhaustion(error) ? std::max(turn, Duration{kPauseWhenExhausted}) : turn);
  }

  void resume_after(Duration delay) {
    if (delay <= Duration::zero()) return accept();
    pause_.expires_after(delay);
    pause_.async_wait([self = shared_from_this()](error_code const& error) {
      if (!error && self->open_) self->accept();
    });
  }

  tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::function<void(std::unique_ptr<ByteStream>)> on_accepted_;
  FinishingCount finishing_;
  Logger logger_;
  TokenBucket bucket_{kTokens, kTokenInterval};
  bool open_ = true;
};

class Listening final : public Operation {
 public:
  explicit Listening(std::shared_ptr<Acceptor> acceptor) : acceptor_{std::move(acceptor)} {}
  Listening(Listening const&) = delete;
  Listening& operator=(Listening const&) = delete;
  ~Listening() override { acceptor_->close(); }

 private:
  std::shared_ptr<Acceptor> acceptor_;
};

/// Where it went wrong; empty if it did not.
struct Attempt {
  std::string_view call;
  error_code error;
};

Attempt open_acceptor(tcp::acceptor& acceptor, tcp::endpoint const& endpoint, bool dual_stack) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return {"socket", error};
  close_on_exec(acceptor.native_handle());
  acceptor.set_option(boost::asio::socket_base::reuse_address{true}, error);
  if (endpoint.address().is_v6()) acceptor.set_option(boost::asio::ip::v6_only{!dual_stack}, error);
  acceptor.bind(endpoint, error);
  if (error) return {"bind", error};
  acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  return {"listen", error};
}

Attempt open_everywhere(tcp::acceptor& acceptor, std::uint16_t port) {
  auto const both = open_acceptor(acceptor, {tcp::v6(), port}, true);
  bool const without_ipv6 =
      both.error == boost::asio::error::address_family_not_supported || both.error.value() == EADDRNOTAVAIL;
  if (!without_ipv6) return both;
  error_code ignored;
  acceptor.close(ignored);
  return open_acceptor(acceptor, {tcp::v4(), port}, false);
}

} // namespace

Result<std::unique_ptr<Operation>> listen_tcp(boost::asio::any_io_executor const& executor, std::string const& host,
                                              std::uint16_t port,
                                              std::function<void(std::unique_ptr<ByteStream>)> on_accepted,
                                              FinishingCount finishing, Logger logger) {
  tcp::acceptor acceptor{executor};
  Attempt attempt;
  if (host.empty()) {
    attempt = open_everywhere(acceptor, port);
  } else {
    error_code error;
    auto const address = boost::asio::ip::make_address(host, error);
    if (error) return failure(ErrorKind::malformed, fmt::format("listen tcp: {} is not an IP address", host));
    attempt = open_acceptor(acceptor, {plain_address(address), port}, false);
  }
  if (attempt.error) {
    return std::unexpected{tcp_error(fmt::format("listen tcp {}:{}", host, port), attempt.call, attempt.error)};
  }
  auto accepting =
      std::make_shared<Acceptor>(std::move(acceptor), std::move(on_accepted), std::move(finishing), std::move(logger));
  accepting->accept();
  return std::make_unique<Listening>(std::move(accepting));
}

} // namespace weave::gossip
