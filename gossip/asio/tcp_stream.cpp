#include "gossip/asio/tcp_stream.hpp"

#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "gossip/asio/tcp_address.hpp"

namespace weave::gossip {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadSize = 32 * 1024;
constexpr std::chrono::seconds kFinishTime{1};
/// Still to be sent, and still read, at the end of a stream.
constexpr std::size_t kMaxFinishSize = 1024 * 1024;
constexpr std::size_t kMaxFinishing = 64;

/// What the pending socket operations share. It outlives the TcpStream until the last of them has completed, so that
/// neither a buffer nor a handler in use goes away under them.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, std::string route, FinishingCount finishing)
      : socket_{std::move(socket)},
        route_{std::move(route)},
        finishing_{std::move(finishing)},
        patience_{socket_.get_executor()} {}
  Session(Session const&) = delete;
  Session& operator=(Session const&) = delete;
  ~Session() {
    if (state_ == State::finishing) --*finishing_;
  }

  void start(ByteStream::Handlers handlers) {
    handlers_ = std::move(handlers);
    read();
  }

  void write(Bytes bytes) {
    if (state_ != State::open) return;
    waiting_.push_back(std::move(bytes));
    if (in_flight_.empty()) flush();
  }

  void finish() {
    if (state_ != State::open) return;
    if (*finishing_ >= kMaxFinishing || unsent() > kMaxFinishSize) return close();
    ++*finishing_;
    state_ = State::finishing;
    set_reset_on_close(false);
    patience_.expires_after(kFinishTime);
    patience_.async_wait([self = shared_from_this()](error_code const& error) {
      if (!error) self->give_up();
    });
    if (in_flight_.empty()) end_sending();
    if (!is_reading_) read();
  }

  /// Its owner is gone.
  void abandon() {
    if (state_ == State::open) close();
  }

 private:
  enum class State { open, finishing, closed };

  void close() {
    if (std::exchange(state_, State::closed) == State::finishing) --*finishing_;
    error_code ignored;
    socket_.close(ignored);
    patience_.cancel();
  }

  void give_up() {
    if (state_ != State::finishing) return;
    set_reset_on_close(true);
    close();
  }

  void set_reset_on_close(bool reset) {
    error_code ignored;
    socket_.set_option(boost::asio::socket_base::linger{reset, 0}, ignored);
  }

  [[nodiscard]] std::size_t unsent() const {
    std::size_t octets = 0;
    for (auto const& bytes : in_flight_) octets += bytes.size();
    for (auto const& bytes : waiting_) octets += bytes.size();
    return octets;
  }

  void read() {
    is_reading_ = true;
    socket_.async_read_some(boost::asio::buffer(buffer_),
                            [self = shared_from_this()](error_code const& error, std::size_t size) {
                              self->is_reading_ = false;
                              self->on_read(error, size);
                            });
  }

  void on_read(error_code const& error, std::size_t size) {
    if (state_ == State::finishing) return drop(error, size);
    if (state_ != State::open) return;
    if (error) return fail("read", error);
    handlers_.on_bytes(ByteView{buffer_}.first(size));
    // It may have called finish(), which has begun to read.
    if (state_ == State::open) read();
  }

  void drop(error_code const& error, std::size_t size) {
    if (error == boost::asio::error::eof && !has_sent_all_) {
      remote_has_ended_ = true;
      return;
    }
    if (error) return close();
    dropped_ += size;
    if (dropped_ > kMaxFinishSize) return give_up();
    read();
  }

  void end_sending() {
    has_sent_all_ = true;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    if (remote_has_ended_) close();
  }

  void flush() {
    in_flight_.swap(waiting_);
    std::vector<boost::asio::const_buffer> buffers;
    buffers.reserve(in_flight_.size());
    for (auto const& bytes : in_flight_) buffers.emplace_back(bytes.data(), bytes.size());
    boost::asio::async_write(socket_, buffers, [self = shared_from_this()](error_code const& error, std::size_t) {
      if (self->state_ == State::closed) return;
      if (error) return self->fail("write", error);
      self->in_flight_.clear();
      if (!self->waiting_.empty()) return self->flush();
      if (self->state_ == State::finishing) return self->end_sending();
      if (self->handlers_.on_drained) self->handlers_.on_drained();
    });
  }

  void fail(std::string_view call, error_code const& error) {
    bool const is_told = state_ == State::open;
    close();
    if (!is_told) return;
    if (!handlers_.on_closed) return;
    if (error == boost::asio::error::eof) return handlers_.on_closed({ErrorKind::unavailable, "EOF"});
    handlers_.on_closed(tcp_error(fmt::format("{} tcp {}", call, route_), call, error));
  }

  tcp::socket socket_;
  std::string route_;
  ByteStream::Handlers handlers_;
  std::array<std::uint8_t, kReadSize> buffer_;
  std::vector<Bytes> waiting_;
  std::vector<Bytes> in_flight_;
  State state_ = State::open;
  bool is_reading_ = false;

  FinishingCount finishing_;
  boost::asio::steady_timer patience_;
  std::size_t dropped_ = 0;
  bool has_sent_all_ = false;
  bool remote_has_ended_ = false;
};

class TcpStream final : public ByteStream {
 public:
  TcpStream(tcp::socket socket, tcp::endpoint const& local, tcp::endpoint const& remote, FinishingCount finishing)
      : local_{ipv4_endpoint(local)},
        remote_{ipv4_endpoint(remote)},
        local_text_{endpoint_text(local)},
        remote_text_{endpoint_text(remote)},
        session_{std::make_shared<Session>(std::move(socket), fmt::format("{}->{}", local_text_, remote_text_),
                                           std::move(finishing))} {}
  TcpStream(TcpStream const&) = delete;
  TcpStream& operator=(TcpStream const&) = delete;
  ~TcpStream() override { session_->abandon(); }

  void start(Handlers handlers) override { session_->start(std::move(handlers)); }
  void write(Bytes bytes) override { session_->write(std::move(bytes)); }
  void finish() override { session_->finish(); }
  [[nodiscard]] std::string local_text() const override { return local_text_; }
  [[nodiscard]] std::string remote_text() const override { return remote_text_; }
  [[nodiscard]] std::optional<Ipv4Endpoint> local() const override { return local_; }
  [[nodiscard]] std::optional<Ipv4Endpoint> remote() const override { return remote_; }

 private:
  std::optional<Ipv4Endpoint> local_;
  std::optional<Ipv4Endpoint> remote_;
  std::string local_text_;
  std::string remote_text_;
  std::shared_ptr<Session> session_;
};

} // namespace

Result<std::unique_ptr<ByteStream>> make_tcp_stream(tcp::socket socket, FinishingCount finishing) {
  error_code error;
  auto const remote = socket.remote_endpoint(error);
  if (error) return std::unexpected{tcp_error("tcp", "getpeername", error)};
  auto const local = socket.local_endpoint(error);
  if (error) return std::unexpected{tcp_error("tcp", "getsockname", error)};
  set_stream_options(socket);
  return std::make_unique<TcpStream>(std::move(socket), local, remote, std::move(finishing));
}

} // namespace weave::gossip
