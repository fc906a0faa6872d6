#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace weave::bench {

[[nodiscard]] inline double median(std::vector<double> values) {
  auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// One measured value beside what it is compared with, both from this run and in `unit`.
struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
  std::string reference;
  double reference_value = 1;
  /// Such as "<= 50 us"; may be empty.
  std::string wanted = {};
};

/// `name: 12 us = 1.20 x reference (10 us); wanted <= 50 us`, as test/bench/figures.py prints them too.
inline void print(Figure const& figure) {
  std::printf("%s: %.4g %s = %.3g x %s (%.4g %s)", figure.name.c_str(), figure.value, figure.unit.c_str(),
              figure.value / figure.reference_value, figure.reference.c_str(), figure.reference_value,
              figure.unit.c_str());
  if (!figure.wanted.empty()) std::printf("; wanted %s", figure.wanted.c_str());
  std::printf("\n");
  std::fflush(stdout);
}

/// Median of `rounds` averages over `count` calls each, in microseconds a call.
template <class Call>
[[nodiscard]] double microseconds(int rounds, int count, Call call) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> averages;
  for (int round = 0; round < rounds; ++round) {
    auto const start = Clock::now();
    for (int i = 0; i < count; ++i) call();
    averages.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count() / count);
  }
  return median(std::move(averages));
}

} // namespace weave::bench
