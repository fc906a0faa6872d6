#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/scheduler.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"

namespace weave::datapath {

/// What one direction of a sleeve connection carries unfragmented, found out and kept up to date by test frames that
/// the remote acknowledges over TCP (protocol/datapath.md §4.6; originals acknowledge tests of any size at any time).
/// All sizes in bytes.
///
///   unlimited --kernel refuses--> checking --acknowledged--> settled --now and then--> rising --+
///                                 ^   |                      ^    |  nothing more, or found     |
///           in use, or now and then|   | small tests pass,    |    +<---------------------------+
///                  from settled ---+   v this size does not   |
///                                   searching --bounds meet---+
///
/// Every test travels with small ones. That a size does not pass is believed when it was never acknowledged while
/// small tests sent right behind it were, again and again: loss hits both alike and makes that improbable at any rate
/// of loss. While nothing passes, nothing is concluded.
///
/// A path is watched closely while large packets are sent (kWatch), so that one which has silently become narrower is
/// noticed within a second; and asked for more after kFirstRise of a change, later every kRise. The kernel's own memory
/// of ICMP messages is believed when it lowers the value; what is searched for goes past it.
///
/// Control thread only; effects must neither call back into this nor destroy it.
class PathMtu {
 public:
  struct Effects {
    /// Send a test for this mtu; `past_kernel`: also if the kernel thinks that the path is narrower.
    std::function<void(std::uint32_t mtu, bool past_kernel)> test;
    /// mtu() or max_payload() have changed.
    std::function<void()> changed;
    /// mtu() is what the path carries; said once for each value.
    std::function<void()> verified;
    /// More passes than the kernel remembers: it must forget.
    std::function<void()> forget;
    /// Packets sent so far that are longer than any path carries.
    std::function<std::uint64_t()> large_packets;
  };

  /// The small tests: passes wherever anything does, and is no heartbeat.
  static constexpr std::uint32_t kSmallTest = 64;
  static constexpr std::uint32_t kSmallTests = 32;

  /// How often a path is looked at while it carries large packets, and while not.
  static constexpr Duration kWatch = std::chrono::milliseconds{250};
  static constexpr Duration kIdleWatch = std::chrono::milliseconds{500};
  /// A path that carries nothing large is tested all the same.
  static constexpr Duration kIdleCheck = std::chrono::seconds{10};
  static constexpr Duration kFirstRise = std::chrono::seconds{5};
  static constexpr Duration kRise = std::chrono::seconds{30};
  /// Between two rounds of tests, once the first was not answered in time.
  static constexpr Duration kRound = std::chrono::milliseconds{40};
  static constexpr Duration kPatience = std::chrono::milliseconds{50};
  /// While hardly anything is answered.
  static constexpr int kQuickRounds = 20;
  static constexpr Duration kSlowRound = std::chrono::milliseconds{200};
  /// Without enough answers by then nothing is concluded.
  static constexpr int kRounds = 60;
  /// Acknowledged small tests that make a size doubtful, that refute it, and that end one step of a search.
  static constexpr int kDoubt = 3;
  static constexpr int kRefuted = 8;
  static constexpr int kStep = 4;

  PathMtu(Scheduler& scheduler, Effects effects, bool encrypted);

  /// The kernel refused a packet and says that the path carries IP packets of `path_mtu`.
  void too_big(std::uint32_t path_mtu);
  /// The remote says that a test for `mtu` arrived. Values that were not asked for are ignored.
  void acknowledged(std::uint32_t mtu);
  /// The network has changed: looks soon whether the path carries more now.
  void ask_for_more();
  /// Tests no more.
  void stop();

  /// The largest IP packet of a container to accept.
  [[nodiscard]] std::uint32_t mtu() const { return mtu_; }
  /// The largest UDP payload to fill with several frames, or to cut fragments for. Belongs to mtu(), but is what any
  /// path carries while that is doubtful.
  [[nodiscard]] std::uint32_t max_payload() const { return max_payload_; }
  /// Neither checking nor looking for another value.
  [[nodiscard]] bool settled() const { return state_ == State::settled; }

 private:
  enum class State : std::uint8_t { unlimited, settled, checking, searching, rising };
  [[nodiscard]] bool limited() const { return state_ != State::unlimited; }
  [[nodiscard]] bool searching() const { return state_ == State::searching || state_ == State::rising; }

  void look();
  void check();
  void rise();
  void narrow(std::uint32_t good, std::uint32_t bad);
  void settle(std::uint32_t mtu);
  void give_up();

  void test(State state, std::vector<std::uint32_t> sizes);
  void send_round();
  void on_small_passed();
  void conclude();
  void note_round_trip();
  [[nodiscard]] Duration patience() const;
  [[nodiscard]] std::vector<std::uint32_t> steps(std::uint32_t good, std::uint32_t bad) const;

  void use(std::uint32_t mtu, std::uint32_t max_payload);

  Scheduler& scheduler_;
  Effects effects_;
  SleeveMtu sizes_;
  std::uint32_t mtu_ = kUndiscoveredMtu;
  std::uint32_t max_payload_ = kMaxUdpPayload;
  std::uint32_t kernel_mtu_ = kUndiscoveredMtu; // what it last said
  std::uint32_t said_ = 0;                      // by effects_.verified

  State state_ = State::unlimited;
  std::uint32_t good_ = 0;                      // passes, or is taken to
  std::uint32_t bad_ = 0;                       // does not pass
  std::vector<std::uint32_t> sizes_under_test_; // descending
  int rounds_ = 0;
  int small_passed_ = 0;
  std::uint32_t small_ = kSmallTest; // of the step under way
  TimePoint test_began_{};
  Duration round_trip_{};
  Timer round_timer_;

  std::uint64_t large_seen_ = 0;
  TimePoint checked_{};
  TimePoint rise_due_{};
  Duration rise_interval_ = kFirstRise;
  Timer look_timer_;
};

} // namespace weave::datapath
