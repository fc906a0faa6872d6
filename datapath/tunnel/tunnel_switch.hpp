#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "datapath/tunnel/forwarder.hpp"

namespace weave::datapath {

/// The feature that names the kinds of forwarders a peer has, separated by spaces, the preferred one first.
inline constexpr std::string_view kOverlaysFeature = "Overlays";
/// Mesh tag of overlay control messages; 1 to 3 belong to sleeve where there is no switch.
inline constexpr std::uint8_t kTagOverlayControl = 7;

/// The names in both lists, in the order of ours (protocol/datapath.md §2.1).
[[nodiscard]] std::vector<std::string> common_overlays(std::vector<std::string> const& ours, std::string_view theirs);

/// All that is needed to prepare the tunnels of one mesh connection.
struct TunnelConnectionParameters {
  TunnelPeer peer;
  /// The remote's `Overlays` feature; absent: it has no switch, sleeve is used directly (compat mode).
  std::optional<std::string> overlays;
  /// What we announced as `Overlays` on this connection, by which the remote numbers its control messages; absent: what
  /// we would announce now.
  std::optional<std::string> announced = {};
  /// Sends an overlay control message over TCP: mesh tag and body.
  std::function<void(std::uint8_t tag, Bytes body)> send_control;
  /// The first forwarder is established; once.
  std::function<void()> on_established;
  /// No forwarder works any more; at most once, nothing follows.
  std::function<void(Error error)> on_error;
  /// The forwarder that frames are to go by from now on, none if there is none; soon after the start and at each
  /// change. It is not necessarily established before on_established.
  std::function<void(std::optional<std::string> forwarder)> on_best = {};
};

/// One of the tunnels of a connection, in use or not.
struct TunnelState {
  std::string name;
  bool works = false;
  std::string problem;                           ///< why it does not, for people
  std::map<std::string, std::string> attributes; ///< those of its forwarder, `rtt` and `loss` as far as known
};

/// The tunnels of one connection: all common kinds run side by side and the best one is in use (protocol/datapath.md
/// §2.2). Destroying it stops them. Control thread only. The callbacks of the parameters are called from the scheduler,
/// never inside a method or the destructor; they may destroy the switch. Malformed control messages are dropped; the
/// first one of a connection is logged.
class TunnelSwitch {
 public:
  /// `kinds` are those in common in index order; they outlive the switch. Error: `no working forwarders to <peer>:
  /// <why>`.
  [[nodiscard]] static Result<std::unique_ptr<TunnelSwitch>> create(Scheduler& scheduler, Logger const& logger,
                                                                    std::vector<ForwarderKind*> const& kinds,
                                                                    TunnelConnectionParameters parameters);
  TunnelSwitch(TunnelSwitch const&) = delete;
  TunnelSwitch& operator=(TunnelSwitch const&) = delete;

  void confirm();
  void on_control(std::uint8_t tag, ByteView body);
  /// Those of the forwarder in use, its `name` ("none" if there is none), and its `rtt` and `loss` as far as known.
  [[nodiscard]] std::map<std::string, std::string> attributes() const;
  /// Of each forwarder that measures it, by name.
  [[nodiscard]] std::map<std::string, PathQuality> qualities() const;
  /// Of each forwarder, best first.
  [[nodiscard]] std::vector<TunnelState> states() const;
  /// Why forwarders that would be preferred to the one in use are not used, for people; empty if there are none.
  [[nodiscard]] std::string explanation() const;

 private:
  struct Slot {
    std::string name;
    std::unique_ptr<Forwarder> forwarder; // none: could not be prepared, or has failed
    bool established = false;
    bool on_hold = false;
    std::string problem; // why there is no forwarder
  };

  TunnelSwitch(Scheduler& scheduler, Logger logger, TunnelConnectionParameters parameters);
  [[nodiscard]] bool compat() const { return !parameters_.overlays; }
  void prepare(std::vector<ForwarderKind*> const& kinds);
  [[nodiscard]] std::string problems() const;
  [[nodiscard]] ForwarderEvents events_of(std::size_t index);
  /// Runs `call` from the scheduler if the switch still exists then.
  void later(std::function<void()> call);

  void send_control(std::size_t index, std::uint8_t sub_tag, Bytes const& payload);
  void on_forwarder_established(std::size_t index);
  void on_forwarder_failed(std::size_t index, Error const& error);
  void on_forwarder_health(std::size_t index, bool healthy);
  /// False if no forwarder is usable.
  bool choose_best();
  void use(std::optional<std::size_t> index);
  void report_best();
  void give_up();
  void reject(std::string_view why);
  [[nodiscard]] static std::map<std::string, std::string> attributes_of(Slot const& slot);
  /// Why it is not in use, for people.
  [[nodiscard]] std::string problem_of(Slot const& slot) const;
  /// That the network does not carry packets as large as this forwarder needs them, for people; empty: it does.
  [[nodiscard]] std::string shortage(Forwarder const& forwarder) const;

  Scheduler& scheduler_;
  Logger logger_;
  TunnelConnectionParameters parameters_;
  std::vector<Slot> slots_;
  std::optional<std::size_t> best_;
  bool reported_established_ = false;
  bool gave_up_ = false;
  bool rejected_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

} // namespace weave::datapath
