#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "datapath/tunnel/forwarder.hpp"
#include "datapath/tunnel/path_mtu.hpp"
#include "datapath/tunnel/path_quality.hpp"
#include "datapath/tunnel/sleeve_io.hpp"
#include "datapath/tunnel/sleeve_registry.hpp"
#include "datapath/tunnel/sleeve_special.hpp"

namespace weave::datapath {

/// The control part of sleeve for one connection (protocol/datapath.md §4.4): finds the peer's address, keeps
/// heartbeats going, learns whether fragments arrive and how large packets may be, and tells all this to the workers
/// through SleeveIo.
///
///   prepared --confirm--> confirmed --sleeve/1--> established
///                             |                        |
///                             +-- 60 s of silence -----+--> failed
///
/// Errors of sending are counted and logged but never end the connection (§13 W10): silence does. Control thread only.
class SleeveForwarder final : public Forwarder, private SleeveReceiver {
 public:
  struct Dependencies {
    Scheduler& scheduler;
    SleeveIo& io;
    SleeveRegistry& registry;
    Logger logger;
  };

  /// `peer.local` is set, and so is `peer.endpoint` if outbound. `cipher` is null exactly when `peer` has no session
  /// key. All dependencies outlive it.
  SleeveForwarder(Dependencies dependencies, TunnelPeer const& peer, ForwarderEvents events,
                  std::shared_ptr<SleeveCipher> cipher = {});
  SleeveForwarder(SleeveForwarder const&) = delete;
  SleeveForwarder& operator=(SleeveForwarder const&) = delete;
  ~SleeveForwarder() override;

  void confirm() override;
  void on_control(std::uint8_t sub_tag, ByteView payload) override;
  [[nodiscard]] std::map<std::string, std::string> attributes() const override;
  [[nodiscard]] std::optional<std::uint32_t> carried_packet() const override;
  /// Between our own peers only.
  [[nodiscard]] std::optional<PathQuality> quality() const override;
  /// Where it is in use the path is looked at more closely.
  void set_in_use(bool in_use) override;

  /// Between probes, where frames go by this path.
  static constexpr Duration kProbeInterval = std::chrono::milliseconds{500};
  /// Probes that the loss is of.
  static constexpr unsigned kLossWindow = 20;

  /// As last told to the workers (or as it will be, before confirm).
  [[nodiscard]] SleevePath path() const;

 private:
  enum class State : std::uint8_t { prepared, confirmed, established, failed };

  void on_special(Ipv4Endpoint from, SleeveChannel channel, ByteView frame, TimePoint at) override;
  void on_too_big(std::uint32_t path_mtu) override;
  void on_send_error(Error const& error) override;

  void on_probe(Ipv4Endpoint from, SleeveProbe const& probe, TimePoint at);
  void on_heartbeat(Ipv4Endpoint from, ConnectionUid uid);
  void on_remote_confirmed();
  void on_path_mtu_verified(ByteView payload);
  void on_path_mtu_changed();
  [[nodiscard]] bool running() const { return state_ == State::confirmed || state_ == State::established; }
  [[nodiscard]] bool may_reply();

  [[nodiscard]] PathMtu::Effects path_mtu_effects();
  void send(SleeveChannel channel, Bytes frame, bool past_kernel = false);
  void send_heartbeat();
  [[nodiscard]] Bytes next_heartbeat();
  [[nodiscard]] Duration interval() const;
  void arm_heartbeat();
  void arm_timeout();
  void test_fragmentation();
  void publish();
  void leave();
  void fail(Error error);

  Scheduler& scheduler_;
  SleeveIo& io_;
  SleeveRegistry& registry_;
  Logger logger_;
  ForwarderEvents events_;
  PeerName peer_;
  ConnectionUid connection_;
  Ipv4Address local_;

  State state_ = State::prepared;
  std::optional<Ipv4Endpoint> remote_;
  std::shared_ptr<SleeveCipher> cipher_;
  bool fragmentation_trusted_ = false;
  bool heard_ = false; // sleeve/1 has been sent
  bool in_use_ = false;
  std::optional<PathProbes> probes_; // none: the peer does not know them
  std::uint32_t last_probe_ = 0;
  std::shared_ptr<LargePackets> large_ = std::make_shared<LargePackets>();
  PathMtu path_mtu_;
  std::optional<SleevePath> published_;
  Timer heartbeat_timer_;
  Timer timeout_timer_;
  Timer fragmentation_timer_;

  TimePoint replies_since_{};
  int replies_ = 0;
  std::string last_send_error_;
  TimePoint last_send_error_at_{};
};

/// Makes SleeveForwarders. Outlives them. A connection whose packets must be encrypted and cannot be is refused.
class SleeveKind final : public ForwarderKind {
 public:
  explicit SleeveKind(SleeveForwarder::Dependencies dependencies) : dependencies_{std::move(dependencies)} {}

  [[nodiscard]] std::string_view name() const override { return "sleeve"; }
  [[nodiscard]] Result<std::unique_ptr<Forwarder>> prepare(TunnelPeer const& peer, ForwarderEvents events) override;

 private:
  SleeveForwarder::Dependencies dependencies_;
};

} // namespace weave::datapath
