#include "gossip/connection.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace weave::gossip {
namespace {

constexpr std::uint8_t kLastTag = 7;
/// A remote can send nonsense faster than anybody reads logs.
constexpr int kMaxIgnoredLogged = 10;
/// What may wait between on_introduced and start_receiving: one full frame and what a read adds to it.
constexpr std::size_t kMaxWaiting = kMaxFrameSize + 1024 * 1024;

/// A remote's text, for logs and status.
std::string printable(ByteView text) {
  std::string copy{as_text(text.first(std::min(text.size(), kMaxReason)))};
  std::ranges::replace_if(
      copy, [](char c) { return c < ' ' || c > '~'; }, '?');
  return copy;
}

} // namespace

Connection::Connection(std::unique_ptr<ByteStream> stream, Scheduler& scheduler, Logger logger, Settings settings,
                       Handlers handlers)
    : stream_{std::move(stream)},
      scheduler_{scheduler},
      base_logger_{std::move(logger)},
      outbound_{settings.outbound},
      handlers_{std::make_shared<Handlers const>(std::move(handlers))},
      introduction_{settings.versions, std::move(settings.features), std::move(settings.keys), settings.outbound},
      local_address_{stream_->local_text()},
      remote_address_{stream_->remote_text()},
      local_{stream_->local()},
      remote_{stream_->remote()} {
  logger_ = base_logger_.with_subject(fmt::format("->[{}] ", remote_address_));
}

Connection::~Connection() = default;

void Connection::start() {
  deadline_ = scheduler_.after(kHeaderDeadline, [this] { close(introduction_.explain(timeout())); });
  stream_->start({.on_bytes = [this](ByteView bytes) { on_bytes(bytes); },
                  .on_drained = [this] { on_drained(); },
                  .on_closed = [this](Error cause) { on_stream_closed(cause); }});
  write(introduction_.start());
}

void Connection::identify(std::string const& remote_peer) {
  identified_ = true;
  logger_ = base_logger_.with_subject(fmt::format("->[{}|{}]: ", remote_address_, remote_peer));
}

void Connection::start_receiving() {
  if (!is_open() || receiving_) return;
  receiving_ = true;
  last_read_ = scheduler_.now();
  next_heartbeat_ = last_read_ + kHeartbeatInterval;
  deadline_ = scheduler_.after(kReadDeadline, [this] { check_read_deadline(); });
  heartbeat_ = scheduler_.after(kHeartbeatInterval, [this] { send_heartbeat(); });
  receiving_soon_ = scheduler_.after(Duration::zero(), [this] { receive(); });
}

void Connection::close(Error cause) {
  if (!is_open()) return;
  finish_stream(cause.text());
  end(std::move(cause));
}

void Connection::leave() {
  if (!is_open()) return;
  finish_stream("weave is being stopped there");
  drop_stream();
}

void Connection::finish_stream(std::string_view reason) {
  if (tells_reasons_) {
    // Not counted as queued: the reason may be that too much is.
    auto frame = encode_frame(kReasonTag, as_bytes(reason.substr(0, kMaxReason)), *sealer_, framing_);
    if (frame) stream_->write(*std::move(frame));
  }
  stream_->finish();
}

void Connection::drop_stream() {
  stream_.reset();
  deadline_.reset();
  heartbeat_.reset();
  receiving_soon_.reset();
}

void Connection::end(Error cause) {
  logger_.info("connection shutting down due to error{}: {}", identified_ ? "" : " during handshake", cause.text());
  drop_stream();
  closing_ = scheduler_.after(Duration::zero(), [this, cause = std::move(cause)] {
    auto const handlers = handlers_;
    if (handlers->on_closed) handlers->on_closed(cause);
  });
}

Result<void> Connection::send(std::uint8_t tag, ByteView body) {
  if (!is_open() || !introduced_) return failure(ErrorKind::unavailable, "connection is not open");
  auto frame = encode_frame(tag, body, *sealer_, framing_);
  if (!frame) return failure_of(frame);
  write(*std::move(frame));
  if (is_open()) return {};
  return failure(ErrorKind::unavailable, "connection is not open");
}

void Connection::write(Bytes bytes) {
  queued_ += bytes.size();
  if (queued_ > kMaxQueued) {
    close({ErrorKind::timed_out, fmt::format("remote does not read: more than {} bytes wait to be sent", kMaxQueued)});
    return;
  }
  stream_->write(std::move(bytes));
}

void Connection::on_drained() {
  queued_ = 0;
  auto const handlers = handlers_;
  if (introduced_ && handlers->on_ready) handlers->on_ready();
}

void Connection::on_stream_closed(Error const& cause) {
  if (!introduced_) return end(introduction_.explain(cause));
  std::weak_ptr<Handlers const> const alive = handlers_;
  // What came with the introduction has had no turn yet.
  if (receiving_) receive();
  if (alive.expired() || !is_open()) return;
  bool const is_cut = frames_.buffered() > 0 && cause.text() == "EOF";
  end(is_cut ? Error{cause.kind(), "unexpected EOF"} : cause);
}

void Connection::on_bytes(ByteView bytes) {
  if (!introduced_) return introduce(bytes);
  frames_.append(bytes);
  if (receiving_) return receive();
  if (frames_.buffered() > kMaxWaiting) close({ErrorKind::out_of_range, "too many messages before any was expected"});
}

void Connection::introduce(ByteView bytes) {
  bool const in_header = introduction_.phase() == Introduction::Phase::header;
  auto answer = introduction_.on_bytes(bytes);
  if (!answer) {
    if (auto unsent = introduction_.take_unsent(); !unsent.empty()) write(std::move(unsent));
    return close(answer.error());
  }
  if (in_header && introduction_.phase() != Introduction::Phase::header) {
    // Set once, not extended by what arrives (mesh.md §2.2).
    deadline_ = scheduler_.after(kReadDeadline, [this] { close(introduction_.explain(timeout())); });
  }
  if (!answer->empty()) write(*std::move(answer));
  if (introduction_.phase() == Introduction::Phase::done) finish_introduction();
}

void Connection::finish_introduction() {
  introduced_ = true;
  version_ = introduction_.version();
  framing_ = introduction_.framing();
  frames_ = introduction_.take_frames();
  sealer_ = introduction_.take_sealer();
  auto const handlers = handlers_;
  auto const remote = introduction_.remote_features();
  tells_reasons_ = remote.contains(std::string{kReasonFeature});
  if (introduction_.may_be_lowered()) {
    std::array const best{introduction_.versions().max};
    if (auto const sent = send(0, best); !sent) return close(sent.error());
  }
  if (handlers->on_introduced) handlers->on_introduced(remote);
}

void Connection::receive() {
  std::weak_ptr<Handlers const> const alive = handlers_;
  while (true) {
    auto const frame = frames_.next();
    if (!frame) return close(frame.error());
    if (!*frame) return;
    if (!receive_one(**frame)) return;
    if (alive.expired() || !is_open()) return;
    // Renewed before each message is read, whatever the message is.
    last_read_ = scheduler_.now();
  }
}

bool Connection::receive_one(ByteView sealed) {
  auto const message = sealer_->open(sealed);
  if (message) return dispatch(*message);
  close(message.error());
  return false;
}

bool Connection::check_version(ByteView heartbeat) {
  if (heartbeat.empty() || !introduction_.may_be_lowered() || heartbeat.front() <= version_) return true;
  close({ErrorKind::refused,
         fmt::format("somebody on the way changed the protocol version: both ends speak {}, {} was negotiated",
                     std::min(heartbeat.front(), introduction_.versions().max), version_)});
  return false;
}

bool Connection::dispatch(ByteView message) {
  if (message.empty()) {
    log_ignored("ignoring blank msg");
    return true;
  }
  std::uint8_t const tag = message.front();
  if (tag == 0) return check_version(message.subspan(1));
  if (tag == kReasonTag && tells_reasons_) {
    end({ErrorKind::unavailable, fmt::format("peer ended the connection: {}", printable(message.subspan(1)))});
    return false;
  }
  if (tag > kLastTag) {
    log_ignored(fmt::format("ignoring unknown protocol tag: {}", tag));
    return true;
  }
  auto handlers = handlers_;
  if (!handlers->on_message) return true;
  auto const handled = handlers->on_message(tag, message.subspan(1));
  std::weak_ptr<Handlers const> const alive = handlers;
  handlers.reset();
  if (alive.expired()) return false;
  if (!handled) close(handled.error());
  return is_open();
}

void Connection::log_ignored(std::string const& text) {
  if (ignored_ >= kMaxIgnoredLogged) return;
  ++ignored_;
  logger_.info("{}{}", text, ignored_ == kMaxIgnoredLogged ? " (further ones are not logged)" : "");
}

void Connection::send_heartbeat() {
  // Armed first: sending may close. The ticks do not drift (mesh.md §5.3).
  next_heartbeat_ += kHeartbeatInterval;
  heartbeat_ = scheduler_.after(next_heartbeat_ - scheduler_.now(), [this] { send_heartbeat(); });
  if (auto const sent = send(0, {}); !sent) close(sent.error());
}

void Connection::check_read_deadline() {
  auto const due = last_read_ + kReadDeadline;
  if (scheduler_.now() >= due) return close(timeout());
  deadline_ = scheduler_.after(due - scheduler_.now(), [this] { check_read_deadline(); });
}

Error Connection::timeout() const {
  return {ErrorKind::timed_out, fmt::format("read tcp {}->{}: i/o timeout", local_address_, remote_address_)};
}

} // namespace weave::gossip
