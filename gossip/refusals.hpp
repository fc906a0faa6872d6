#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "gossip/status.hpp"

namespace weave::gossip {

/// Who dialled us lately and was refused, for status: a peer with another password or none appears at both ends, though
/// only one of them dials. One entry a host, the latest; the oldest gives way. Control thread only.
class Refusals {
 public:
  static constexpr std::size_t kMax = 16;
  /// Longer than the longest pause between two attempts (mesh.md §13).
  static constexpr Duration kKept = std::chrono::minutes{11};

  /// `address` as `ip:port`.
  void note(std::string const& address, Error const& why, TimePoint now);
  /// That host has a connection after all.
  void forget(std::string const& address);
  /// Lines in state failed, the oldest first.
  [[nodiscard]] std::vector<ConnectionStatus> status(TimePoint now) const;

 private:
  struct Refusal {
    std::string host;
    std::string address;
    std::string why;
    TimePoint at;
  };
  std::vector<Refusal> refusals_;
};

} // namespace weave::gossip
