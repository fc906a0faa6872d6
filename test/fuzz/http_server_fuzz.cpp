// Raw bytes to one connection of the HTTP server, in pieces.
#include <array>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "base/http/connection.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

class Owner final : public http::Connection::Owner {
 public:
  void on_request(http::Request request, http::Responder responder) override {
    demand(request.body.size() <= kBodyLimit, "bodies are limited");
    (void)request.parameters();
    responder.send(http::Response::text(request.target));
  }
  void on_finished(http::Connection&) override { finished = true; }

  static constexpr std::size_t kBodyLimit = 4096;
  bool finished = false;
};

/// Reads until the other end closes.
[[nodiscard]] std::string drain(int socket) {
  std::string text;
  std::array<char, 4096> buffer;
  while (true) {
    auto const count = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave;
  using namespace weave::fuzz;
  FuzzInput input{data, size};
  std::array<int, 2> ends{};
  demand(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair");
  std::string text;
  auto const owner = std::make_shared<Owner>();
  {
    boost::asio::io_context context;
    http::Connection::Socket socket{context, boost::asio::generic::stream_protocol{AF_UNIX, 0}, ends[0]};
    http::ServerOptions const options{.body_limit = Owner::kBodyLimit, .header_limit = 2048};
    auto const connection = std::make_shared<http::Connection>(std::move(socket), options, owner);
    connection->start();
    std::size_t const step = input.u8() * 8U + 1U;
    while (!input.empty()) {
      auto const part = input.take(step);
      (void)::send(ends[1], part.data(), part.size(), MSG_NOSIGNAL);
      context.poll();
      text += drain(ends[1]);
    }
    ::shutdown(ends[1], SHUT_WR);
    context.poll();
    text += drain(ends[1]);
    connection->close();
    context.poll();
  }
  ::close(ends[1]);
  demand(text.empty() || text.starts_with("HTTP/1."), "answers are HTTP");
  return 0;
}
