#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "datapath/fastpath/forwarding_state.hpp"
#include "datapath/fastpath/heartbeat_registry.hpp"
#include "datapath/fastpath/liveness.hpp"
#include "datapath/ipsec/protection.hpp"
#include "datapath/ipsec/secured_link.hpp"
#include "datapath/tunnel/forwarder.hpp"
#include "datapath/tunnel/path_quality.hpp"

namespace weave::datapath {

/// The fast path for one connection: the control part (protocol/datapath.md §5.1, §5.3). It finds out the two ends of
/// the tunnel, heartbeats through it and judges it by a Liveness; frames are none of its business.
///
///   prepared --confirm--> running: established once, healthy or not from then on
///
/// Where a session key says that frames must be encrypted, nothing is sent before the peer has told how (§7.3).
///
/// It only fails when the kernel refuses to encrypt or to block: whatever else is wrong (no kernel path, UDP port
/// taken, no short id, errors of sending) makes it unhealthy until it is over. Errors of sending are counted and logged
/// when they change. Control thread only.
class FastdpForwarder final : public Forwarder, private HeartbeatReceiver {
 public:
  struct Dependencies {
    Scheduler& scheduler;
    HeartbeatRegistry& registry;
    /// The id that means this peer and no other; none if it has no id or another peer is the owner of its id.
    std::function<std::optional<ShortId>(PeerName)> short_id_of;
    /// The tunnel of this connection begins and ends here; when confirmed, and at each change.
    std::function<void(PeerName, ConnectionUid, TunnelEndpoints const&)> on_endpoints;
    Logger logger;
    PeerName self;
    std::uint16_t router_port = 6783;
    /// Of the bridge, that is of the frames' payload; heartbeats are as large as the largest frame.
    std::uint32_t mtu = 1376;
    /// Null: no password on this host, nothing is encrypted.
    ipsec::Protection* protection = nullptr;
  };

  /// All dependencies outlive it.
  FastdpForwarder(Dependencies dependencies, TunnelPeer const& peer, TunnelEndpoints const& endpoints,
                  ForwarderEvents events);
  FastdpForwarder(FastdpForwarder const&) = delete;
  FastdpForwarder& operator=(FastdpForwarder const&) = delete;
  ~FastdpForwarder() override;

  void confirm() override;
  void on_control(std::uint8_t sub_tag, ByteView payload) override;
  [[nodiscard]] std::map<std::string, std::string> attributes() const override;
  [[nodiscard]] std::string explanation() const override;
  [[nodiscard]] std::uint32_t needed_packet() const override;
  /// Between our own peers only.
  [[nodiscard]] std::optional<PathQuality> quality() const override;

  [[nodiscard]] TunnelEndpoints const& endpoints() const { return endpoints_; }
  [[nodiscard]] std::uint64_t send_errors() const { return send_errors_; }

  /// How soon ids that are not known yet, as at the start of a connection, are asked for again.
  static constexpr Duration kIdRetry = std::chrono::milliseconds{100};
  /// How soon an UDP port that was taken is asked for again.
  static constexpr Duration kPortRetry = std::chrono::seconds{5};
  /// Heartbeats that the loss is of: those of 10 s.
  static constexpr unsigned kLossWindow = 25;

 private:
  void on_heartbeat(HeartbeatArrival const& arrival, Heartbeat const& heartbeat) override;
  void on_path_changed() override;

  [[nodiscard]] LivenessEvents liveness_events();
  void protect();
  void fail(Error error);
  [[nodiscard]] ipsec::SecuredLink::Events security_events();
  [[nodiscard]] bool is_locked() const { return secured_ && !secured_->is_ready(); }
  [[nodiscard]] std::optional<TunnelId> ids() const;
  void open_port();
  void follow(HeartbeatArrival const& arrival);
  void note(HeartbeatArrival const& arrival, LivenessFields const& fields);
  void transmit(std::optional<LivenessFields> const& fields);
  void answer(std::uint32_t last_sent);
  void on_send_error(Error const& error);

  Dependencies dependencies_;
  Logger logger_;
  ForwarderEvents events_;
  PeerName peer_;
  ConnectionUid connection_;
  TunnelEndpoints endpoints_;
  std::shared_ptr<Secret const> session_key_;

  std::unique_ptr<Liveness> liveness_;
  PathProbes probes_{kLossWindow};
  bool confirmed_ = false;
  bool answered_ = false; // fastdp/0 has been sent
  /// Why nothing can be sent at all; empty if it can.
  std::string obstacle_;
  Timer port_retry_;
  Timer id_retry_;
  std::uint64_t send_errors_ = 0;
  std::string send_error_; // of the last heartbeat
  std::string logged_error_;

  /// The one or, under a password between ends that trust the network, the other.
  std::unique_ptr<ipsec::SecuredLink> secured_;
  std::unique_ptr<ipsec::ClearLink> clear_;
  bool failed_ = false;
  /// A heartbeat that waits for the peer's offer to encrypt.
  std::optional<std::optional<LivenessFields>> waiting_;
};

/// Makes FastdpForwarders. Outlives them. IPv4 only: other connections are refused.
class FastdpKind final : public ForwarderKind {
 public:
  explicit FastdpKind(FastdpForwarder::Dependencies dependencies) : dependencies_{std::move(dependencies)} {}

  [[nodiscard]] std::string_view name() const override { return "fastdp"; }
  [[nodiscard]] bool available() const override { return dependencies_.registry.is_offered(); }
  [[nodiscard]] Result<std::unique_ptr<Forwarder>> prepare(TunnelPeer const& peer, ForwarderEvents events) override;

 private:
  FastdpForwarder::Dependencies dependencies_;
};

} // namespace weave::datapath
