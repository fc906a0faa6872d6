#include "base/http/connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>

#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace weave::http {

namespace beast = boost::beast;

namespace {

constexpr std::size_t kReadStep = 4096;
constexpr std::chrono::seconds kLinger{1};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Request to_request(beast::http::request<beast::http::string_body>&& message) {
  Request request{.method = std::string{message.method_string()},
                  .target = std::string{message.target()},
                  .headers = {},
                  .body = std::move(message.body())};
  for (auto const& field : message) request.headers.add(std::string{field.name_string()}, std::string{field.value()});
  return request;
}

/// A line break in a field would start a field, or a response, of its own.
std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char letter) { return letter == '\r' || letter == '\n' || letter == '\0'; }, ' ');
  return text;
}

bool bodiless(int status) { return status < 200 || status == 204 || status == 304; }

} // namespace

/// Ties a Responder to the request it may answer; both may be gone by then.
class Connection::PendingAnswer final : public Responder::Sink {
 public:
  PendingAnswer(std::weak_ptr<Connection> connection, std::uint64_t serial)
      : connection_{std::move(connection)}, serial_{serial} {}

  void deliver(Response response) override {
    if (auto const held = current()) held->deliver(serial_, std::move(response));
  }
  [[nodiscard]] bool abandoned() const override {
    auto const held = current();
    return !held || held->abandoned_;
  }
  void set_on_abandoned(std::function<void()> call) override {
    if (auto const held = current()) held->on_abandoned_ = std::move(call);
  }

 private:
  [[nodiscard]] std::shared_ptr<Connection> current() const {
    auto held = connection_.lock();
    return held && held->serial_ == serial_ ? held : nullptr;
  }

  std::weak_ptr<Connection> connection_;
  std::uint64_t serial_;
};

Connection::Connection(Socket socket, ServerOptions const& options, std::weak_ptr<Owner> owner)
    : stream_{std::move(socket)},
      options_{options},
      owner_{std::move(owner)},
      buffer_{std::size_t{options.header_limit} + kReadStep} {}

void Connection::close() {
  owner_.reset();
  ++serial_;
  on_abandoned_ = nullptr;
  idle_since_.reset();
  stream_.close();
}

void Connection::end_when_idle() {
  ending_ = true;
  if (idle_since_) finish();
}

void Connection::wait_for_request() {
  if (ending_) return linger();
  parser_.reset();
  if (buffer_.size() > 0) return read_header();
  idle_since_ = std::chrono::steady_clock::now();
  if (options_.idle_timeout.count() > 0) {
    stream_.expires_after(options_.idle_timeout);
  } else {
    stream_.expires_never();
  }
  stream_.async_read_some(buffer_.prepare(kReadStep), [self = shared_from_this()](ErrorCode error, std::size_t count) {
    self->idle_since_.reset();
    if (error) return self->finish();
    self->buffer_.commit(count);
    self->read_header();
  });
}

void Connection::read_header() {
  parser_.emplace();
  parser_->header_limit(options_.header_limit);
  parser_->body_limit(options_.body_limit);
  stream_.expires_after(options_.read_timeout);
  beast::http::async_read_header(stream_, buffer_, *parser_,
                                 [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_header(error); });
}

void Connection::on_header(ErrorCode error) {
  if (error) return refuse(error);
  auto const expect = parser_->get()[beast::http::field::expect];
  if (parser_->is_done() || !beast::iequals(expect, "100-continue")) return read_body();
  boost::asio::async_write(stream_, boost::asio::buffer(kContinue),
                           [self = shared_from_this()](ErrorCode failed, std::size_t) {
                             if (failed) return self->finish();
                             self->read_body();
                           });
}

void Connection::read_body() {
  beast::http::async_read(stream_, buffer_, *parser_,
                          [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_read(error); });
}

void Connection::on_read(ErrorCode error) {
  if (error) return refuse(error);
  stream_.expires_never();
  hand_over();
}

void Connection::refuse(ErrorCode error) {
  using Failure = beast::http::error;
  if (error == Failure::body_limit) return write(Response::text("request body too large\n", 413), false);
  if (error == Failure::header_limit || error == Failure::buffer_overflow) {
    return write(Response::text("request header too large\n", 431), false);
  }
  auto const& http_errors = beast::http::make_error_code(Failure::end_of_stream).category();
  if (error.category() == http_errors && error != Failure::end_of_stream && error != Failure::partial_message) {
    return write(Response::text("400 Bad Request\n", 400), false);
  }
  finish();
}

void Connection::hand_over() {
  auto const owner = owner_.lock();
  if (!owner) return finish();
  auto const serial = ++serial_;
  abandoned_ = false;
  on_abandoned_ = nullptr;
  Responder responder{std::make_shared<PendingAnswer>(weak_from_this(), serial)};
  keep_alive_ = parser_->get().keep_alive();
  version_ = parser_->get().version();
  head_ = parser_->get().method() == beast::http::verb::head;
  auto request = to_request(parser_->release());
  owner->on_request(std::move(request), std::move(responder));
  if (serial_ == serial && stream_.socket().is_open()) watch_for_close();
}

void Connection::watch_for_close() {
  auto const serial = serial_;
  stream_.socket().async_wait(Socket::wait_read, [self = shared_from_this(), serial](ErrorCode error) {
    if (error || self->serial_ != serial) return;
    char byte = 0;
    auto const count = ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count > 0) return; // the next request is here already
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return self->watch_for_close();
    self->abandoned_ = true;
    if (auto const call = std::exchange(self->on_abandoned_, nullptr)) call();
  });
}

void Connection::deliver(std::uint64_t serial, Response response) {
  if (serial != serial_) return;
  ++serial_;
  on_abandoned_ = nullptr;
  if (!stream_.socket().is_open()) return finish();
  ErrorCode ignored;
  stream_.socket().cancel(ignored); // the watch
  write(std::move(response), keep_alive_);
}

void Connection::write(Response response, bool keep_alive) {
  keep_alive = keep_alive && !ending_;
  answer_.emplace();
  answer_->version(version_);
  answer_->result(static_cast<unsigned>(response.status));
  for (auto const& [name, value] : response.headers) answer_->insert(one_line(name), one_line(value));
  answer_->keep_alive(keep_alive);
  if (!bodiless(response.status)) {
    answer_->content_length(response.body.size());
    if (!head_) answer_->body() = std::move(response.body);
  }
  stream_.expires_after(options_.write_timeout);
  beast::http::async_write(stream_, *answer_, [self = shared_from_this(), keep_alive](ErrorCode error, std::size_t) {
    self->on_written(error, keep_alive);
  });
}

void Connection::on_written(ErrorCode error, bool keep_alive) {
  answer_.reset();
  if (error) return finish();
  if (!keep_alive) return linger();
  wait_for_request();
}

/// Closing with unread input would make the kernel send a reset, and the client might lose the answer.
void Connection::linger() {
  ErrorCode failed;
  stream_.socket().shutdown(Socket::shutdown_send, failed);
  if (failed) return finish();
  buffer_.clear();
  stream_.expires_after(kLinger);
  drop_input();
}

void Connection::drop_input() {
  stream_.async_read_some(buffer_.prepare(kReadStep), [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (error) return self->finish();
    self->drop_input();
  });
}

void Connection::finish() {
  idle_since_.reset();
  ++serial_;
  if (auto const call = std::exchange(on_abandoned_, nullptr)) call();
  stream_.close();
  if (auto const owner = std::exchange(owner_, {}).lock()) owner->on_finished(*this);
}

} // namespace weave::http
