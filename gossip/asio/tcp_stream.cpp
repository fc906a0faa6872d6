#include "gossip/asio/tcp_stream.hpp"

#include <array>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "gossip/asio/tcp_address.hpp"

namespace weave::gossip {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadSize = 32 * 1024;

/// What the pending socket operations share. It outlives the TcpStream until the last of them has completed, so that
/// neither a buffer nor a handler in use goes away under them.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, std::string route) : socket_{std::move(socket)}, route_{std::move(route)} {}

  void start(ByteStream::Handlers handlers) {
    handlers_ = std::move(handlers);
    read();
  }

  void write(Bytes bytes) {
    if (!open_) return;
    waiting_.push_back(std::move(bytes));
    if (in_flight_.empty()) flush();
  }

  void close() {
    open_ = false;
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void read() {
    socket_.async_read_some(boost::asio::buffer(buffer_),
                            [self = shared_from_this()](error_code const& error, std::size_t size) {
                              if (!self->open_) return;
                              if (error) return self->fail("read", error);
                              self->handlers_.on_bytes(ByteView{self->buffer_}.first(size));
                              if (self->open_) self->read();
                            });
  }

  void flush() {
    in_flight_.swap(waiting_);
    std::vector<boost::asio::const_buffer> buffers;
    buffers.reserve(in_flight_.size());
    for (auto const& bytes : in_flight_) buffers.emplace_back(bytes.data(), bytes.size());
    boost::asio::async_write(socket_, buffers, [self = shared_from_this()](error_code const& error, std::size_t) {
      if (!self->open_) return;
      if (error) return self->fail("write", error);
      self->in_flight_.clear();
      if (!self->waiting_.empty()) return self->flush();
      if (self->handlers_.on_drained) self->handlers_.on_drained();
    });
  }

  void fail(std::string_view call, error_code const& error) {
    close();
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
  bool open_ = true;
};

class TcpStream final : public ByteStream {
 public:
  TcpStream(tcp::socket socket, tcp::endpoint const& local, tcp::endpoint const& remote)
      : local_{ipv4_endpoint(local)},
        remote_{ipv4_endpoint(remote)},
        local_text_{endpoint_text(local)},
        remote_text_{endpoint_text(remote)},
        session_{std::make_shared<Session>(std::move(socket), fmt::format("{}->{}", local_text_, remote_text_))} {}
  TcpStream(TcpStream const&) = delete;
  TcpStream& operator=(TcpStream const&) = delete;
  ~TcpStream() override { session_->close(); }

  void start(Handlers handlers) override { session_->start(std::move(handlers)); }
  void write(Bytes bytes) override { session_->write(std::move(bytes)); }
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

Result<std::unique_ptr<ByteStream>> make_tcp_stream(tcp::socket socket) {
  error_code error;
  auto const remote = socket.remote_endpoint(error);
  if (error) return std::unexpected{tcp_error("tcp", "getpeername", error)};
  auto const local = socket.local_endpoint(error);
  if (error) return std::unexpected{tcp_error("tcp", "getsockname", error)};
  set_stream_options(socket);
  return std::make_unique<TcpStream>(std::move(socket), local, remote);
}

} // namespace weave::gossip
