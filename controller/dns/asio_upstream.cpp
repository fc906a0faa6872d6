#include "controller/dns/asio_upstream.hpp"

#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace weave::controller::dns {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr int kMessagesInARow = 16;

/// What an exchange and its pending socket operations share. Handlers are called only while it is open, and are moved
/// to the stack first, since they may end the exchange.
class Session {
 public:
  explicit Session(Upstream::Handlers handlers) : handlers_{std::move(handlers)} {}
  Session(Session const&) = delete;
  Session& operator=(Session const&) = delete;
  virtual ~Session() = default;

  void close() {
    open_ = false;
    handlers_ = {};
    close_socket();
  }

 protected:
  [[nodiscard]] bool open() const { return open_; }
  void deliver(ByteView message) {
    auto const call = handlers_.on_message;
    call(message);
  }
  void fail(std::string_view what, error_code const& error) {
    if (!open_) return;
    auto const call = std::move(handlers_.on_failed);
    close();
    call(Error{ErrorKind::unavailable, fmt::format("{}: {}", what, error.message())});
  }
  virtual void close_socket() = 0;

 private:
  Upstream::Handlers handlers_;
  bool open_ = true;
};

class UdpSession final : public Session, public std::enable_shared_from_this<UdpSession> {
 public:
  UdpSession(asio::any_io_executor const& executor, Upstream::Handlers handlers, std::shared_ptr<Bytes> scratch)
      : Session{std::move(handlers)}, socket_{executor}, scratch_{std::move(scratch)} {}

  void start(asio::ip::udp::endpoint const& server, Bytes const& query) {
    error_code error;
    // Connected: the kernel chooses a random port and keeps away what others send.
    socket_.open(server.protocol(), error);
    if (!error) socket_.non_blocking(true, error);
    if (!error) socket_.connect(server, error);
    if (!error) socket_.send(asio::buffer(query), 0, error);
    if (error) {
      return asio::post(socket_.get_executor(),
                        [self = shared_from_this(), error] { self->fail("cannot send", error); });
    }
    wait();
  }

 private:
  void wait() {
    socket_.async_wait(asio::ip::udp::socket::wait_read, [self = shared_from_this()](error_code const& error) {
      if (!self->open()) return;
      if (error) return self->fail("wait", error);
      self->receive();
    });
  }
  void receive() {
    for (int i = 0; open() && i < kMessagesInARow; ++i) {
      error_code error;
      auto const size = socket_.receive(asio::buffer(*scratch_), 0, error);
      if (error == asio::error::would_block) break;
      if (error) return fail("receive", error);
      deliver(ByteView{*scratch_}.first(size));
    }
    if (open()) wait();
  }
  void close_socket() override {
    error_code ignored;
    socket_.close(ignored);
  }

  asio::ip::udp::socket socket_;
  std::shared_ptr<Bytes> scratch_;
};

class TcpSession final : public Session, public std::enable_shared_from_this<TcpSession> {
 public:
  TcpSession(asio::any_io_executor const& executor, Upstream::Handlers handlers, Bytes query)
      : Session{std::move(handlers)}, socket_{executor}, query_{std::move(query)} {
    length_ = {static_cast<std::uint8_t>(query_.size() >> 8U), static_cast<std::uint8_t>(query_.size())};
  }

  void start(asio::ip::tcp::endpoint const& server) {
    socket_.async_connect(server, [self = shared_from_this()](error_code const& error) {
      if (error) return self->fail("connect", error);
      if (self->open()) self->write();
    });
  }

 private:
  void write() {
    std::array<asio::const_buffer, 2> const buffers{asio::buffer(length_), asio::buffer(query_)};
    asio::async_write(socket_, buffers, [self = shared_from_this()](error_code const& error, std::size_t) {
      if (error) return self->fail("write", error);
      if (self->open()) self->read_length();
    });
  }
  void read_length() {
    asio::async_read(socket_, asio::buffer(length_), [self = shared_from_this()](error_code const& error, std::size_t) {
      if (error) return self->fail("read", error);
      if (self->open()) self->read_message();
    });
  }
  void read_message() {
    query_.resize(std::size_t{length_[0]} << 8U | length_[1]);
    asio::async_read(socket_, asio::buffer(query_), [self = shared_from_this()](error_code const& error, std::size_t) {
      if (error) return self->fail("read", error);
      if (!self->open()) return;
      self->deliver(self->query_);
      self->fail("read", asio::error::eof);
    });
  }
  void close_socket() override {
    error_code ignored;
    socket_.close(ignored);
  }

  asio::ip::tcp::socket socket_;
  std::array<std::uint8_t, 2> length_{};
  Bytes query_; ///< then the reply
};

class SessionExchange final : public Upstream::Exchange {
 public:
  explicit SessionExchange(std::shared_ptr<Session> session) : session_{std::move(session)} {}
  SessionExchange(SessionExchange const&) = delete;
  SessionExchange& operator=(SessionExchange const&) = delete;
  ~SessionExchange() override { session_->close(); }

 private:
  std::shared_ptr<Session> session_;
};

/// For what cannot be tried at all.
class NoSession final : public Session {
 public:
  using Session::Session;
  void give_up(error_code const& error) { fail("not an address", error); }

 private:
  void close_socket() override {}
};

} // namespace

std::unique_ptr<Upstream::Exchange> AsioUpstream::send(SocketAddress const& server, Transport transport, Bytes query,
                                                       Handlers handlers) {
  error_code error;
  auto const address = asio::ip::make_address(server.host, error);
  if (error || query.size() > kMaxMessageSize) {
    auto session = std::make_shared<NoSession>(std::move(handlers));
    asio::post(executor_, [session, error] { session->give_up(error); });
    return std::make_unique<SessionExchange>(std::move(session));
  }
  if (transport == Transport::tcp) {
    auto session = std::make_shared<TcpSession>(executor_, std::move(handlers), std::move(query));
    session->start({address, server.port});
    return std::make_unique<SessionExchange>(std::move(session));
  }
  auto session = std::make_shared<UdpSession>(executor_, std::move(handlers), scratch_);
  session->start({address, server.port}, query);
  return std::make_unique<SessionExchange>(std::move(session));
}

} // namespace weave::controller::dns
