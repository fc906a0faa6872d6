#pragma once

#include <map>
#include <string>

#include "base/result.hpp"

namespace weave::plugin {

/// The port through which the drivers keep networks and endpoints over a restart: JSON texts by key (`network/<id>`,
/// `endpoint/<id>`). Control thread, synchronous and quick. What `put` and `erase` have returned from is on disk.
class DriverStore {
 public:
  virtual ~DriverStore() = default;

  virtual Result<void> put(std::string const& key, std::string const& text) = 0;
  /// Unknown keys are fine.
  virtual Result<void> erase(std::string const& key) = 0;
  [[nodiscard]] virtual Result<std::map<std::string, std::string>> load_all() const = 0;
};

/// Keeps nothing: everything is forgotten with the process.
class NullDriverStore final : public DriverStore {
 public:
  Result<void> put(std::string const&, std::string const&) override { return {}; }
  Result<void> erase(std::string const&) override { return {}; }
  [[nodiscard]] Result<std::map<std::string, std::string>> load_all() const override {
    return std::map<std::string, std::string>{};
  }
};

} // namespace weave::plugin
