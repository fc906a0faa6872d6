#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "gossip/introduction.hpp"
#include "gossip/transport.hpp"

namespace weave::gossip {

inline constexpr Duration kHeaderDeadline = std::chrono::seconds{10};
inline constexpr Duration kReadDeadline = std::chrono::seconds{60};
inline constexpr Duration kHeartbeatInterval = std::chrono::seconds{30};

/// Who announces this feature understands kReasonTag. The original, which announces nothing of the kind, would ignore
/// such a message (mesh.md §5.2).
inline constexpr std::string_view kReasonFeature = "EndReason";
/// The last message of the end that closes: why, as text of at most kMaxReason octets.
inline constexpr std::uint8_t kReasonTag = 8;
inline constexpr std::size_t kMaxReason = 400;

/// One TCP session of the mesh: its introduction, framing, heartbeats, deadlines and its single cause of death
/// (protocol/mesh.md §2.2, §3, §5). It knows nothing of peers, duplicates or overlays; the mesh decides these in its
/// handlers:
///
///   introducing --on_introduced--> introduced --start_receiving()--> receiving
///       |------------- close(), remote closed, deadline ----------------| --> closed --> on_closed, once, last
///
/// With a password and a version below our best, the first sealed message is a heartbeat that carries our best version:
/// whoever lowered it in the unprotected headers, to have fewer features or the older suite of the tunnels, is noticed
/// by the first message of a peer of our kind. The original looks at no heartbeat's body (mesh.md §5.3). Version 2
/// needs no such thing: its features are sealed.
///
/// Between introduced and receiving nothing is handed on, so that the mesh can enter the connection in its table first
/// (§2.2 phases 3 to 6); what arrives meanwhile waits here, bounded by one frame.
///
/// Control thread only. Handlers are called from the stream or the scheduler, never from inside the methods below; they
/// may call any method and may destroy the connection. Destroying it resets the TCP connection without on_closed.
class Connection {
 public:
  struct Settings {
    /// We dialled.
    bool outbound = false;
    VersionRange versions = {};
    /// What we announce: make_features() and the overlay's.
    Features features = {};
    /// Null without a password.
    std::unique_ptr<KeyExchange> keys = {};
  };

  struct Handlers {
    /// The remote's features, as sent. Usually answered, in this order, with parse_features, identify, the table and
    /// overlay steps and start_receiving, or with close.
    std::function<void(Features const& remote)> on_introduced = {};
    /// A message of tag 1..7: the octets after its tag, valid during the call and while the connection exists. An error
    /// closes the connection.
    std::function<Result<void>(std::uint8_t tag, ByteView body)> on_message = {};
    /// Everything written has left: is_ready() again.
    std::function<void()> on_ready = {};
    /// The connection is over, with its first cause; not called if it is destroyed first.
    std::function<void(Error const& cause)> on_closed = {};
  };

  /// `logger` without a subject.
  Connection(std::unique_ptr<ByteStream> stream, Scheduler& scheduler, Logger logger, Settings settings,
             Handlers handlers);
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;
  ~Connection();

  /// Begins the introduction.
  void start();
  /// Who the remote is, as `name(nick)`: from here on log lines carry it.
  void identify(std::string const& remote_peer);
  /// From now on messages are handed on, those that already wait soon after this call, and heartbeats are sent.
  void start_receiving();
  /// Ends it for `cause`, unless it has ended already: the first cause counts and is logged. What was sent still
  /// reaches the remote, and so does the cause, if the remote knows of such messages. on_closed follows later.
  void close(Error cause);
  /// The same because we stop altogether: without a log line and without on_closed.
  void leave();

  /// Sends one message, behind all earlier ones. Errors: the message is too large (nothing is sent, the connection goes
  /// on); kind unavailable: not introduced, or closed. A remote that does not read for so long that more than
  /// kMaxQueued octets wait is cut off.
  [[nodiscard]] Result<void> send(std::uint8_t tag, ByteView body);
  /// Nothing waits to be written: the moment to encode and send what can be merged (mesh.md §8.5).
  [[nodiscard]] bool is_ready() const { return is_open() && introduced_ && queued_ == 0; }

  [[nodiscard]] bool is_open() const { return stream_ != nullptr; }
  [[nodiscard]] bool outbound() const { return outbound_; }
  [[nodiscard]] std::uint8_t version() const { return version_; }
  /// For the tunnels of this connection, after the introduction, once; empty without a password.
  [[nodiscard]] Secret take_session_key() { return introduction_.take_session_key(); }
  /// `ip:port`, as gossiped and logged; stays valid after the end.
  [[nodiscard]] std::string const& remote_address() const { return remote_address_; }
  [[nodiscard]] std::optional<Ipv4Endpoint> local() const { return local_; }
  [[nodiscard]] std::optional<Ipv4Endpoint> remote() const { return remote_; }
  /// Lines begin with `->[<addr>] `, after identify() with `->[<addr>|<name>(<nick>)]: `.
  [[nodiscard]] Logger const& logger() const { return logger_; }

  static constexpr std::size_t kMaxQueued = 2 * kMaxFrameSize;

 private:
  void on_bytes(ByteView bytes);
  void on_drained();
  void on_stream_closed(Error const& cause);
  void end(Error cause);
  /// What the remote is to see of it.
  void finish_stream(std::string_view reason);
  void drop_stream();
  void introduce(ByteView bytes);
  void finish_introduction();
  void receive();
  [[nodiscard]] bool receive_one(ByteView sealed);
  [[nodiscard]] bool dispatch(ByteView message);
  /// False, and closed, if the remote says in a heartbeat that it speaks a better version than was negotiated.
  [[nodiscard]] bool check_version(ByteView heartbeat);
  void log_ignored(std::string const& text);
  void write(Bytes bytes);
  void send_heartbeat();
  void check_read_deadline();
  [[nodiscard]] Error timeout() const;

  std::unique_ptr<ByteStream> stream_;
  Scheduler& scheduler_;
  Logger base_logger_;
  Logger logger_;
  bool outbound_;
  /// Held by whoever calls one, since a handler may destroy this object: then only that caller still holds them.
  std::shared_ptr<Handlers const> handlers_;
  Introduction introduction_;
  std::string local_address_;
  std::string remote_address_;
  std::optional<Ipv4Endpoint> local_;
  std::optional<Ipv4Endpoint> remote_;

  bool introduced_ = false;
  bool identified_ = false;
  bool receiving_ = false;
  bool tells_reasons_ = false;
  std::uint8_t version_ = 0;
  Framing framing_ = Framing::length;
  FrameDecoder frames_;
  std::unique_ptr<Sealer> sealer_;
  std::size_t queued_ = 0;
  int ignored_ = 0;

  TimePoint last_read_;
  TimePoint next_heartbeat_;
  Timer deadline_;
  Timer heartbeat_;
  Timer receiving_soon_;
  Timer closing_;
};

} // namespace weave::gossip
