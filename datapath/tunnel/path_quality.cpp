#include "datapath/tunnel/path_quality.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>

namespace weave::datapath {
namespace {

/// How much later `sequence` is than `other`, also across the wrap.
std::int32_t distance(std::uint32_t sequence, std::uint32_t other) {
  return static_cast<std::int32_t>(sequence - other);
}

/// The lowest `count` bits.
std::uint64_t mask(unsigned count) {
  return count == 0 ? 0 : std::numeric_limits<std::uint64_t>::max() >> (LossWindow::kLargest - count);
}

bool is_restart(std::int32_t step) { return step > LossWindow::kRestart || step < -LossWindow::kRestart; }

} // namespace

void RoundTripEstimator::sample(Duration round_trip) {
  if (!smoothed_) {
    smoothed_ = round_trip;
    variation_ = round_trip / 2;
    return;
  }
  auto const deviation = std::chrono::abs(*smoothed_ - round_trip);
  variation_ += (deviation - variation_) / 4;
  *smoothed_ += (round_trip - *smoothed_) / 8;
}

LossWindow::LossWindow(unsigned size) : size_{std::clamp(size, kReordered + 1, kLargest)} {}

void LossWindow::arrived(std::uint32_t sequence) {
  auto const step = distance(sequence, newest_);
  if (known_ == 0 || is_restart(step)) return begin(sequence);
  if (step > 0) {
    advance(static_cast<unsigned>(step));
    newest_ = sequence;
    ++received_;
    return;
  }
  auto const age = static_cast<unsigned>(-step);
  if (age >= known_ || has(age)) return;
  bits_ |= std::uint64_t{1} << age;
  // Beyond that it has been counted as lost, and a counter does not go back.
  if (age < kReordered) ++received_;
}

void LossWindow::begin(std::uint32_t sequence) {
  newest_ = sequence;
  bits_ = 1;
  known_ = 1;
  ++received_;
}

void LossWindow::advance(unsigned step) {
  // What now has become too old to be late: of those known, and of those between.
  for (auto age = kReordered - std::min(step, kReordered); age < std::min(kReordered, known_); ++age) {
    if (!has(age)) ++lost_;
  }
  lost_ += step - std::min(step, kReordered);
  bits_ = step < kLargest ? bits_ << step : 0;
  bits_ |= 1;
  known_ = std::min(known_ + step, kLargest);
}

std::optional<double> LossWindow::ratio(unsigned overdue) const {
  if (known_ == 0) return std::nullopt;
  auto const bits = overdue < kLargest ? bits_ << overdue : 0;
  auto const seen = std::min(known_ + std::min(overdue, kLargest), size_);
  // Of those that may only be late nothing is known.
  auto const late = std::min(seen, kReordered);
  auto const present = static_cast<unsigned>(std::popcount(bits & mask(seen)));
  auto const missing = seen - late - static_cast<unsigned>(std::popcount(bits & mask(seen) & ~mask(late)));
  return static_cast<double>(missing) / static_cast<double>(missing + present);
}

void PathProbes::sent(std::uint32_t sequence, TimePoint at) {
  ++sent_;
  departures_[sequence % kDepartures] = Departure{sequence, at};
}

std::optional<PathEcho> PathProbes::echo(TimePoint now) const {
  if (!newest_) return std::nullopt;
  using std::chrono::microseconds;
  auto const held = std::chrono::duration_cast<microseconds>(now - newest_->at).count();
  constexpr std::int64_t kLongest = std::numeric_limits<std::uint32_t>::max() - 1;
  return PathEcho{.sequence = newest_->sequence,
                  .held = static_cast<std::uint32_t>(std::clamp<std::int64_t>(held, 0, kLongest)),
                  .lost = static_cast<std::uint16_t>(std::lround(lost_in(now).value_or(0) * PathEcho::kAll))};
}

void PathProbes::received(std::uint32_t sequence, std::optional<PathEcho> const& echo, Duration interval,
                          TimePoint at) {
  window_.arrived(sequence);
  auto const step = newest_ ? distance(sequence, newest_->sequence) : 1;
  // What an older one says is old.
  if (step <= 0 && !is_restart(step)) return;
  newest_ = Arrival{sequence, at, interval};
  if (echo) take(*echo, at);
}

void PathProbes::take(PathEcho const& echo, TimePoint at) {
  lost_out_ = static_cast<double>(echo.lost) / PathEcho::kAll;
  auto const& departure = departures_[echo.sequence % kDepartures];
  if (!departure || departure->sequence != echo.sequence || echoed_ == echo.sequence) return;
  echoed_ = echo.sequence;
  auto const round_trip = at - departure->at - std::chrono::microseconds{echo.held};
  if (round_trip >= Duration::zero()) round_trip_.sample(round_trip);
}

std::optional<double> PathProbes::lost_in(TimePoint now) const {
  if (!newest_ || newest_->interval <= Duration::zero()) return window_.ratio();
  // A probe may be late by half an interval.
  auto const silence = now - newest_->at - newest_->interval / 2;
  auto const overdue = std::clamp<std::int64_t>(silence / newest_->interval, 0, LossWindow::kLargest);
  return window_.ratio(static_cast<unsigned>(overdue));
}

PathQuality PathProbes::quality(TimePoint now) const {
  return {.round_trip = round_trip_.smoothed(),
          .variation = round_trip_.variation(),
          .lost_in = lost_in(now),
          .lost_out = lost_out_,
          .sent = sent_,
          .received = window_.received(),
          .lost = window_.lost()};
}

} // namespace weave::datapath
