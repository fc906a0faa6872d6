#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/http/server.hpp"

namespace weave::http {

/// One accepted connection of a Server: idle → reading → handling → writing → idle …, one request at a time. Kept alive
/// by its pending operation and by the owner's list. Internal to the server.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  struct Owner {
    virtual ~Owner() = default;
    virtual void on_request(Request request, Responder responder) = 0;
    /// The connection has ended and wants to be forgotten; called once, unless close() was.
    virtual void on_finished(Connection& connection) = 0;
  };

  Connection(Socket socket, ServerOptions const& options, std::weak_ptr<Owner> owner);

  void start() { wait_for_request(); }
  /// Cuts it now; the owner is not told.
  void close();
  /// Ends it now if it is idle, else after the answer under way.
  void end_when_idle();
  /// Since when it has been waiting for a request.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> idle_since() const { return idle_since_; }

 private:
  class PendingAnswer;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Answer = boost::beast::http::response<boost::beast::http::string_body>;
  using ErrorCode = boost::beast::error_code;

  void wait_for_request();
  void read_header();
  void on_header(ErrorCode error);
  void read_body();
  void on_read(ErrorCode error);
  void refuse(ErrorCode error);
  void hand_over();
  void watch_for_close();
  void deliver(std::uint64_t serial, Response response);
  void write(Response response, bool keep_alive);
  void on_written(ErrorCode error, bool keep_alive);
  void linger();
  void drop_input();
  void finish();

  boost::beast::basic_stream<boost::asio::generic::stream_protocol> stream_;
  ServerOptions const options_;
  std::weak_ptr<Owner> owner_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<Answer> answer_;
  std::optional<std::chrono::steady_clock::time_point> idle_since_;
  std::function<void()> on_abandoned_;
  std::uint64_t serial_ = 0; ///< of the request being handled; moves on when it is answered
  // What the answer needs of the request's header.
  unsigned version_ = 11;
  bool keep_alive_ = false;
  bool head_ = false;
  bool abandoned_ = false;
  bool ending_ = false;
};

} // namespace weave::http
