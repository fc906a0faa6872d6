#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/logger.hpp"

namespace weave::test {

/// Keeps every log line ("INFO text" without time) so that tests can assert on what an operator would read.
class LogRecorder final : public LogSink {
 public:
  [[nodiscard]] bool wants(LogLevel) const override { return true; }
  void write(LogLevel level, std::string_view line) override {
    std::lock_guard const guard{mutex_};
    levels_.push_back(level);
    lines_.emplace_back(line);
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::lock_guard const guard{mutex_};
    return lines_;
  }
  [[nodiscard]] std::size_t count(std::string_view part) const {
    std::lock_guard const guard{mutex_};
    std::size_t found = 0;
    for (auto const& line : lines_) found += line.find(part) != std::string::npos ? 1U : 0U;
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<LogLevel> levels_;
  std::vector<std::string> lines_;
};

} // namespace weave::test
