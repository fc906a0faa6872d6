#pragma once

#include <cstdint>
#include <functional>

#include "base/scheduler.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"

namespace weave::datapath {

/// The search for the largest packet that one direction of a sleeve connection carries unfragmented
/// (protocol/datapath.md §4.6). All sizes in bytes.
///
///            too_big                     acknowledged, or eight probes lost
///   idle ----------------> searching ---------------------------------------+
///     ^                    |  ^  bisection: candidate between good and bad  |
///     |    bounds meet     |  +---------------------------------------------+
///     +--------------------+
///
/// While searching, the kernel's optimistic value is in use. Below the original's floor of 552 it goes on searching
/// when not even that was ever acknowledged; it never goes down to less than what 576-byte paths carry. Control thread
/// only; effects must neither call back into the search nor destroy it.
class PathMtuSearch {
 public:
  struct Effects {
    /// Send a path MTU test for this mtu.
    std::function<void(std::uint32_t mtu)> probe;
    /// mtu() or max_payload() have changed.
    std::function<void()> changed;
    /// The search is over and mtu() is what the path carries.
    std::function<void()> verified;
  };
  struct Config {
    bool encrypted = false;
    /// What is taken as good at the start; the original's value.
    std::uint32_t floor = kPathMtuFloor;
    bool search_below_floor = true;
  };
  static constexpr int kProbes = 8;
  static constexpr Duration kFirstTimeout = std::chrono::milliseconds{10};
  /// Any host can receive 576 bytes (RFC 791).
  static constexpr std::uint32_t kSmallestPathMtu = 576;

  PathMtuSearch(Scheduler& scheduler, Effects effects, Config config);

  /// The kernel refused a packet and says that the path carries IP packets of `path_mtu`.
  void too_big(std::uint32_t path_mtu);
  /// The remote says that a test for `mtu` arrived. Values that were not asked for are ignored.
  void acknowledged(std::uint32_t mtu);

  [[nodiscard]] std::uint32_t mtu() const { return mtu_; }
  [[nodiscard]] std::uint32_t max_payload() const { return max_payload_; }
  [[nodiscard]] bool searching() const { return candidate_ != 0; }

  struct State {
    std::uint32_t candidate = 0; ///< 0 when idle
    std::uint32_t high_good = 0; ///< passes, or is taken to
    std::uint32_t low_bad = 0;   ///< does not pass
    int probes = 0;              ///< sent for this candidate
  };
  [[nodiscard]] State state() const { return {candidate_, high_good_, low_bad_, probes_}; }

 private:
  void search(std::uint32_t high_good, std::uint32_t low_bad, std::uint32_t candidate);
  void next();
  void finish(std::uint32_t mtu);
  void send_probe();
  void probe_timed_out();
  void use(std::uint32_t mtu);

  Scheduler& scheduler_;
  Effects effects_;
  Config config_;
  SleeveMtu sizes_;
  std::uint32_t smallest_; // where the search below the floor ends
  std::uint32_t mtu_ = kUndiscoveredMtu;
  std::uint32_t max_payload_ = kMaxUdpPayload;
  std::uint32_t candidate_ = 0;
  std::uint32_t high_good_ = 0;
  std::uint32_t low_bad_ = 0;
  bool good_is_acknowledged_ = false;
  int probes_ = 0;
  Timer timer_;
};

} // namespace weave::datapath
