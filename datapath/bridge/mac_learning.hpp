#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "base/scheduler.hpp"

namespace weave::datapath {

/// What recording a source address has done.
enum class MacChange : std::uint8_t {
  added,
  refreshed,
  moved,     ///< it was at another peer until now
  held_down, ///< not recorded: seen at another peer within the hold-down
  full       ///< not recorded: no room; frames to it are flooded until entries age out
};

struct MacEntry {
  MacAddress mac;
  PeerName peer;
  TimePoint last_seen;
};

/// Which peer each container address was last seen at; our own name for local ones (protocol/datapath.md §1): a table
/// of ours, or the kernel's. Any thread.
class MacLearning {
 public:
  virtual ~MacLearning() = default;

  /// The address sent a frame that was captured on our bridge.
  virtual MacChange record_local(MacAddress mac, TimePoint now) = 0;
  /// The address sent a frame that `peer` captured.
  virtual MacChange record_remote(MacAddress mac, PeerName peer, TimePoint now) = 0;
  [[nodiscard]] virtual std::optional<PeerName> find(MacAddress mac) const = 0;

  /// Drops what has not been used for long; call every minute. Returns how many.
  virtual std::size_t sweep(TimePoint now) = 0;
  /// The peer has left the topology. Returns how many addresses went with it.
  virtual std::size_t forget_peer(PeerName peer) = 0;
  /// All entries in order of address, for status and report.
  [[nodiscard]] virtual std::vector<MacEntry> entries() const = 0;
  [[nodiscard]] virtual PeerName self() const = 0;
};

} // namespace weave::datapath
