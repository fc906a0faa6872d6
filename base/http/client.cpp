#include "base/http/client.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

namespace weave::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

using ErrorCode = boost::system::error_code;
using Protocol = asio::generic::stream_protocol;

constexpr std::size_t kMaxSocketPath = 107;

ErrorKind kind_of(ErrorCode error) {
  if (error == asio::error::host_not_found || error == asio::error::service_not_found ||
      error == boost::system::errc::no_such_file_or_directory) {
    return ErrorKind::not_found;
  }
  if (error == asio::error::connection_refused) return ErrorKind::unavailable;
  if (error == asio::error::access_denied || error == boost::system::errc::operation_not_permitted) {
    return ErrorKind::refused;
  }
  if (error.category() == beast::http::make_error_code(beast::http::error::bad_version).category()) {
    return ErrorKind::malformed;
  }
  return ErrorKind::system;
}

/// Blanks or control characters in the request line would let a caller's text become a request of its own.
bool one_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char letter) { return letter > ' ' && letter != '\x7f'; });
}

} // namespace

class Exchange;

class Client::State {
 public:
  State(asio::io_context& context, std::size_t limit) : io{context}, body_limit{limit} {}

  asio::io_context& io;
  std::size_t body_limit;
  std::set<std::shared_ptr<Exchange>> under_way;
};

/// One request from connecting to its completion. Lives in the client's list and in its pending operation.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(asio::io_context& context, std::size_t body_limit, Endpoint endpoint, Client::StreamHandlers handlers)
      : socket_{context},
        resolver_{context},
        deadline_{context},
        endpoint_{std::move(endpoint)},
        callback_{std::move(handlers.on_end)},
        on_open_{std::move(handlers.on_open)},
        on_piece_{std::move(handlers.on_piece)} {
    parser_.body_limit(body_limit);
  }

  void start(Request&& request, std::chrono::milliseconds timeout, std::function<void()> forget);
  void abandon();
  void fail(Error error);

 private:
  void resolve();
  void connect(std::vector<Protocol::endpoint> endpoints);
  void send();
  void receive();
  void receive_head();
  void on_head();
  void receive_piece();
  void hand_on();
  void succeed();
  void complete(Result<Response> result);
  void fail_with(std::string_view what, ErrorCode error) {
    fail(Error{kind_of(error), fmt::format("{} {}: {}", what, endpoint_.to_string(), error.message())});
  }

  Protocol::socket socket_;
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer deadline_;
  Endpoint endpoint_;
  Client::Callback callback_;
  // Of a stream only. Not touched by abandon(), which may happen inside them.
  std::function<void()> on_open_;
  std::function<void(std::string_view)> on_piece_;
  std::function<void()> forget_;
  beast::http::request<beast::http::string_body> request_;
  beast::http::response_parser<beast::http::string_body> parser_;
  beast::flat_buffer buffer_;
};

void Exchange::start(Request&& request, std::chrono::milliseconds timeout, std::function<void()> forget) {
  forget_ = std::move(forget);
  if (timeout.count() > 0) {
    deadline_.expires_after(timeout);
    deadline_.async_wait([self = shared_from_this(), timeout](ErrorCode error) {
      if (error) return;
      self->fail(Error{ErrorKind::timed_out, fmt::format("{}: no answer within {:.1f} s", self->endpoint_.to_string(),
                                                         static_cast<double>(timeout.count()) / 1000)});
    });
  }
  if (!one_word(request.method) || !one_word(request.target)) {
    return fail(Error{ErrorKind::malformed, fmt::format("not a request target: {}", request.target)});
  }
  request_.version(11);
  request_.method_string(request.method);
  request_.target(request.target);
  request_.set(beast::http::field::host, endpoint_.is_unix() ? "localhost" : endpoint_.to_string());
  for (auto const& [name, value] : request.headers) request_.set(name, value);
  request_.keep_alive(false);
  request_.body() = std::move(request.body);
  request_.prepare_payload();
  if (request.method == "HEAD") parser_.skip(true);
  if (!endpoint_.is_unix()) return resolve();
  if (endpoint_.path.size() > kMaxSocketPath) {
    return fail(Error{ErrorKind::malformed, fmt::format("socket path too long: {}", endpoint_.path)});
  }
  connect({Protocol::endpoint{asio::local::stream_protocol::endpoint{endpoint_.path}}});
}

void Exchange::resolve() {
  auto const host = endpoint_.host.empty() ? std::string{"localhost"} : endpoint_.host;
  resolver_.async_resolve(host, std::to_string(endpoint_.port),
                          [self = shared_from_this()](ErrorCode error, asio::ip::tcp::resolver::results_type found) {
                            if (error) return self->fail_with("cannot resolve", error);
                            std::vector<Protocol::endpoint> endpoints;
                            for (auto const& entry : found) endpoints.emplace_back(entry.endpoint());
                            self->connect(std::move(endpoints));
                          });
}

void Exchange::connect(std::vector<Protocol::endpoint> endpoints) {
  if (!callback_) return;
  auto const list = std::make_shared<std::vector<Protocol::endpoint>>(std::move(endpoints));
  asio::async_connect(socket_, *list, [self = shared_from_this(), list](ErrorCode error, Protocol::endpoint const&) {
    if (error) return self->fail_with("cannot connect to", error);
    ErrorCode ignored;
    // Who only listens would not notice that the other host is gone.
    if (self->on_piece_ && !self->endpoint_.is_unix()) {
      self->socket_.set_option(asio::socket_base::keep_alive{true}, ignored);
    }
    self->send();
  });
}

void Exchange::send() {
  beast::http::async_write(socket_, request_, [self = shared_from_this()](ErrorCode, std::size_t) {
    // A server may refuse a long body and close before it is all sent; what it answered is what matters.
    if (self->on_piece_) return self->receive_head();
    self->receive();
  });
}

void Exchange::receive() {
  if (!callback_) return;
  beast::http::async_read(socket_, buffer_, parser_, [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (error) return self->fail_with("no proper answer from", error);
    self->succeed();
  });
}

void Exchange::receive_head() {
  if (!callback_) return;
  beast::http::async_read_header(socket_, buffer_, parser_, [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (error) return self->fail_with("no proper answer from", error);
    self->on_head();
  });
}

void Exchange::on_head() {
  if (!callback_) return;
  if (parser_.get().result_int() / 100 != 2) return receive(); // short, and under the same deadline
  deadline_.cancel();
  parser_.body_limit(boost::none);
  on_open_();
  receive_piece();
}

void Exchange::receive_piece() {
  if (!callback_) return;
  if (parser_.is_done()) return succeed();
  beast::http::async_read_some(socket_, buffer_, parser_, [self = shared_from_this()](ErrorCode error, std::size_t) {
    self->hand_on();
    if (!self->callback_) return;
    if (error) return self->fail_with("lost", error);
    self->receive_piece();
  });
}

void Exchange::hand_on() {
  auto const piece = std::exchange(parser_.get().body(), {});
  if (callback_ && !piece.empty()) on_piece_(piece);
}

void Exchange::succeed() {
  auto message = parser_.release();
  Response response{.status = static_cast<int>(message.result_int()), .headers = {}, .body = std::move(message.body())};
  for (auto const& field : message) response.headers.add(std::string{field.name_string()}, std::string{field.value()});
  complete(std::move(response));
}

void Exchange::abandon() {
  callback_ = nullptr;
  forget_ = nullptr;
  deadline_.cancel();
  resolver_.cancel();
  ErrorCode ignored;
  socket_.close(ignored);
}

void Exchange::fail(Error error) { complete(std::unexpected{std::move(error)}); }

void Exchange::complete(Result<Response> result) {
  auto const self = shared_from_this();
  auto callback = std::exchange(callback_, nullptr);
  if (!callback) return;
  auto const forget = std::exchange(forget_, nullptr);
  abandon();
  // Posted, so that nothing completes inside the call that started it.
  asio::post(socket_.get_executor(),
             [result = std::move(result), callback = std::move(callback), forget, self]() mutable {
               if (forget) forget();
               callback(std::move(result));
             });
}

Client::Client(asio::io_context& context, std::size_t body_limit)
    : state_{std::make_shared<State>(context, body_limit)} {}

Client::~Client() {
  for (auto const& exchange : std::exchange(state_->under_way, {})) exchange->abandon();
}

void Client::request(Endpoint const& endpoint, Request request, std::chrono::milliseconds timeout, Callback callback) {
  start(endpoint, std::move(request), timeout, {.on_open = {}, .on_piece = {}, .on_end = std::move(callback)});
}

void Client::stream(Endpoint const& endpoint, Request request, std::chrono::milliseconds timeout,
                    StreamHandlers handlers) {
  start(endpoint, std::move(request), timeout, std::move(handlers));
}

void Client::start(Endpoint const& endpoint, Request request, std::chrono::milliseconds timeout,
                   StreamHandlers handlers) {
  // A completion already posted when the client goes must not call back either, hence the weak state.
  handlers.on_end = [weak = std::weak_ptr{state_}, on_end = std::move(handlers.on_end)](Result<Response> result) {
    if (weak.lock()) on_end(std::move(result));
  };
  auto const exchange = std::make_shared<Exchange>(state_->io, state_->body_limit, endpoint, std::move(handlers));
  state_->under_way.insert(exchange);
  exchange->start(std::move(request), timeout, [weak = std::weak_ptr{state_}, raw = std::weak_ptr{exchange}] {
    if (auto const state = weak.lock()) state->under_way.erase(raw.lock());
  });
}

void Client::cancel_all() {
  for (auto const& exchange : std::set(state_->under_way)) {
    exchange->fail(Error{ErrorKind::cancelled, "the request was cancelled"});
  }
}

} // namespace weave::http
