#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/logger.hpp"

namespace weave::datapath::odp {

/// Says each fault once when it begins, and once when it is over.
class FaultLog {
 public:
  explicit FaultLog(Logger logger) : logger_{std::move(logger)} {}

  /// Also says it again when its text has changed.
  void begin(std::string const& fault, std::string const& text) {
    auto& said = active_[fault];
    if (said == text) return;
    said = text;
    logger_.warning("{}", text);
  }
  void end(std::string const& fault, std::string const& text) {
    if (active_.erase(fault) != 0) logger_.info("{}", text);
  }
  [[nodiscard]] bool is_active(std::string const& fault) const { return active_.contains(fault); }
  /// Those that are active and begin like this.
  [[nodiscard]] std::vector<std::string> active(std::string_view prefix) const {
    std::vector<std::string> names;
    for (auto const& [name, text] : active_) {
      if (name.starts_with(prefix)) names.push_back(name);
    }
    return names;
  }

 private:
  Logger logger_;
  std::map<std::string, std::string> active_;
};

} // namespace weave::datapath::odp
