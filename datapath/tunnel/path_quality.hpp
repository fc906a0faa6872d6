#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/scheduler.hpp"
#include "datapath/tunnel/path_echo.hpp"

namespace weave::datapath {

/// How good one path to one neighbour is, as its heartbeats show.
struct PathQuality {
  /// Smoothed, without the time that the other end holds a probe; absent: none has come back yet.
  std::optional<Duration> round_trip;
  /// Its mean deviation.
  Duration variation{};
  /// 0 to 1 of the last probes: of the neighbour's those that did not come in here; of ours, as the neighbour says.
  std::optional<double> lost_in;
  std::optional<double> lost_out;
  /// Since the connection began. A probe counts as lost when three later ones have come in.
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
};

/// Smoothed round trip and its variation as in RFC 6298 §2.
class RoundTripEstimator {
 public:
  void sample(Duration round_trip);
  [[nodiscard]] std::optional<Duration> smoothed() const { return smoothed_; }
  [[nodiscard]] Duration variation() const { return variation_; }

 private:
  std::optional<Duration> smoothed_;
  Duration variation_{};
};

/// Which of numbered probes have come in. Numbers wrap around; late and doubled probes are told from lost ones. A jump
/// of more than kRestart, either way, is a sender that has started anew.
class LossWindow {
 public:
  /// Of how many probes the ratio is, more than kReordered, kLargest at most.
  explicit LossWindow(unsigned size);

  void arrived(std::uint32_t sequence);
  /// Of the last probes, if `overdue` more should have come in by now. Those that may only be late do not count.
  /// Absent before the first.
  [[nodiscard]] std::optional<double> ratio(unsigned overdue = 0) const;
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

  static constexpr unsigned kLargest = 64;
  static constexpr std::int32_t kRestart = 1 << 16;
  /// So many later probes make a missing one a lost one (the number of TCP's duplicate acknowledgements).
  static constexpr unsigned kReordered = 3;

 private:
  void begin(std::uint32_t sequence);
  void advance(unsigned step);
  [[nodiscard]] bool has(unsigned age) const { return (bits_ >> age & 1) != 0; }

  unsigned size_;
  std::uint64_t bits_ = 0; // by age: bit 0 is the newest
  unsigned known_ = 0;     // bits that mean something
  std::uint32_t newest_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t lost_ = 0;
};

/// Both directions of one path, seen from one end: feed it with each probe that is sent and that comes in, and let each
/// probe carry echo(). Times are of the scheduler's clock. Pure.
class PathProbes {
 public:
  explicit PathProbes(unsigned window) : window_{window} {}

  void sent(std::uint32_t sequence, TimePoint at);
  /// For a probe that leaves now; absent: nothing has come in.
  [[nodiscard]] std::optional<PathEcho> echo(TimePoint now) const;
  /// `interval`: the next probe follows so long after this one.
  void received(std::uint32_t sequence, std::optional<PathEcho> const& echo, Duration interval, TimePoint at);
  [[nodiscard]] PathQuality quality(TimePoint now) const;

 private:
  struct Departure {
    std::uint32_t sequence = 0;
    TimePoint at;
  };
  struct Arrival {
    std::uint32_t sequence = 0;
    TimePoint at;
    Duration interval{};
  };
  static constexpr std::size_t kDepartures = 64;

  void take(PathEcho const& echo, TimePoint at);
  [[nodiscard]] std::optional<double> lost_in(TimePoint now) const;

  LossWindow window_;
  RoundTripEstimator round_trip_;
  std::array<std::optional<Departure>, kDepartures> departures_; // by sequence
  std::uint64_t sent_ = 0;
  std::optional<Arrival> newest_;
  std::optional<std::uint32_t> echoed_; // the newest that a sample was made of
  std::optional<double> lost_out_;
};

} // namespace weave::datapath
