#include "gossip/asio/tcp_transport.hpp"

#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "gossip/asio/tcp_address.hpp"
#include "gossip/asio/tcp_listener.hpp"
#include "gossip/asio/tcp_stream.hpp"

namespace weave::gossip {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using Dialled = std::function<void(Result<std::unique_ptr<ByteStream>>)>;

class Dial : public std::enable_shared_from_this<Dial> {
 public:
  Dial(boost::asio::any_io_executor const& executor, std::string host, std::string const& address,
       FinishingCount finishing, Dialled done)
      : socket_{executor},
        host_{std::move(host)},
        address_{address},
        what_{fmt::format("dial tcp {}:0->{}", host_, address)},
        finishing_{std::move(finishing)},
        done_{std::move(done)} {}

  void start() {
    auto const remote = parse_endpoint(address_);
    if (!remote) return fail_later({ErrorKind::malformed, fmt::format("{}: not an address", what_)});
    error_code error;
    socket_.open(remote->protocol(), error);
    if (error) return fail_later(tcp_error(what_, "socket", error));
    close_on_exec(socket_.native_handle());
    if (!host_.empty() && !bind(error)) return fail_later(tcp_error(what_, "bind", error));
    socket_.async_connect(*remote, [self = shared_from_this()](error_code const& outcome) { self->finish(outcome); });
  }

  void give_up() {
    open_ = false;
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  bool bind(error_code& error) {
    auto const local = boost::asio::ip::make_address(host_, error);
    if (!error) socket_.bind({plain_address(local), 0}, error);
    return !error;
  }

  void finish(error_code const& outcome) {
    if (!open_) return;
    if (outcome) return done_(std::unexpected{tcp_error(what_, "connect", outcome)});
    done_(make_tcp_stream(std::move(socket_), finishing_));
  }

  void fail_later(Error error) {
    boost::asio::post(socket_.get_executor(), [self = shared_from_this(), error = std::move(error)] {
      if (self->open_) self->done_(std::unexpected{error});
    });
  }

  tcp::socket socket_;
  std::string host_;
  std::string address_;
  std::string what_;
  FinishingCount finishing_;
  Dialled done_;
  bool open_ = true;
};

class Dialling final : public Operation {
 public:
  explicit Dialling(std::shared_ptr<Dial> dial) : dial_{std::move(dial)} {}
  Dialling(Dialling const&) = delete;
  Dialling& operator=(Dialling const&) = delete;
  ~Dialling() override { dial_->give_up(); }

 private:
  std::shared_ptr<Dial> dial_;
};

} // namespace

TcpTransport::TcpTransport(boost::asio::any_io_executor executor, std::string host, Logger logger)
    : executor_{executor}, host_{std::move(host)}, logger_{std::move(logger)}, lookup_{std::move(executor)} {}

std::unique_ptr<Operation> TcpTransport::dial(std::string const& address, Dialled done) {
  auto dial = std::make_shared<Dial>(executor_, host_, address, finishing_, std::move(done));
  dial->start();
  return std::make_unique<Dialling>(std::move(dial));
}

std::unique_ptr<Operation> TcpTransport::resolve(std::string const& host,
                                                 std::function<void(Result<std::vector<std::string>>)> done) {
  return lookup_.resolve(host, std::move(done));
}

Result<std::unique_ptr<Operation>> TcpTransport::listen(std::string const& host, std::uint16_t port,
                                                        std::function<void(std::unique_ptr<ByteStream>)> on_accepted) {
  return listen_tcp(executor_, host, port, std::move(on_accepted), finishing_, logger_);
}

} // namespace weave::gossip
