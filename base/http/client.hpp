#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "base/http/endpoint.hpp"
#include "base/http/message.hpp"
#include "base/result.hpp"

namespace boost::asio {
class io_context;
}

namespace weave::http {

/// Asynchronous HTTP/1.1 client: one connection a request, closed after it. All on the thread that runs the io_context.
///
/// Each request completes exactly once, never inside `request`: with a response whatever its status, or with an error:
/// not_found (no such socket file, or the name does not resolve), unavailable (nobody listens), refused (no
/// permission), timed_out, malformed (not HTTP, or longer than `body_limit`), cancelled, system. The destructor cuts
/// what is under way without calling back.
class Client {
 public:
  using Callback = std::function<void(Result<Response>)>;
  /// A long answer as it comes. on_open: the head has come and says success. on_piece: the next part of the body,
  /// framing removed, valid during the call. on_end, once: the response without its body when the server ended it
  /// properly, the whole response if it is no success (then nothing else is called), or an error as for a request.
  struct StreamHandlers {
    std::function<void()> on_open;
    std::function<void(std::string_view)> on_piece;
    Callback on_end;
  };

  explicit Client(boost::asio::io_context& context, std::size_t body_limit = std::size_t{16} << 20U);
  Client(Client const&) = delete;
  Client& operator=(Client const&) = delete;
  ~Client();

  /// `timeout` covers connecting, sending and the whole answer; zero means none.
  void request(Endpoint const& endpoint, Request request, std::chrono::milliseconds timeout, Callback callback);
  /// An answer that may go on for ever. `timeout` covers connecting, sending and the head of the answer. A handler may
  /// destroy the client; nothing more is called then.
  void stream(Endpoint const& endpoint, Request request, std::chrono::milliseconds timeout, StreamHandlers handlers);
  /// Everything under way completes soon with `cancelled`.
  void cancel_all();

 private:
  class State;
  void start(Endpoint const& endpoint, Request request, std::chrono::milliseconds timeout, StreamHandlers handlers);

  std::shared_ptr<State> state_;
};

} // namespace weave::http
