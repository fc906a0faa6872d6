#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "base/scheduler.hpp"
#include "datapath/bridge/mac_learning.hpp"

namespace weave::datapath {

inline constexpr Duration kMacAge = std::chrono::minutes{10};
inline constexpr Duration kMacSweepInterval = std::chrono::minutes{1};
/// How long a MAC must have been silent at another peer before a captured frame may bring it to us. Longer than a frame
/// that we inject needs to come back out of the bridge, short enough for a container that moved here.
inline constexpr Duration kMacHoldDown = std::chrono::milliseconds{500};
/// A time stamp younger than this is not written again; also the error of the hold-down.
inline constexpr Duration kMacRefresh = std::chrono::milliseconds{100};

/// Which peer each container address was last seen at; our own name for local ones (protocol/datapath.md §1). The
/// newest sighting wins, except that frames captured here do not take an address from a peer that used it a moment ago
/// (§13 W4). Safe on any thread: packet workers record and look up, the control thread sweeps and lists; locks are held
/// for one hash operation. Holds at most kCapacity addresses, so that forged sources cannot fill the memory. Nothing
/// persists: after a restart frames are flooded until addresses are seen again.
class MacTable final : public MacLearning {
 public:
  static constexpr std::size_t kShards = 64;
  static constexpr std::size_t kCapacity = 65536;

  /// Called on the recording thread, outside all locks, when an address was added or has moved.
  using OnChange = std::function<void(MacAddress mac, PeerName peer, MacChange change)>;

  /// Without reflections of injected frames (a kernel fast path never sends a frame back) the hold-down may be zero.
  explicit MacTable(PeerName self, Duration hold_down = kMacHoldDown, OnChange on_change = {})
      : self_{self}, hold_down_{hold_down}, on_change_{std::move(on_change)} {}
  MacTable(MacTable const&) = delete;
  MacTable& operator=(MacTable const&) = delete;

  /// The address sent a frame that was captured on our bridge.
  MacChange record_local(MacAddress mac, TimePoint now) override;
  /// The address sent a frame that `peer` captured.
  MacChange record_remote(MacAddress mac, PeerName peer, TimePoint now) override;
  [[nodiscard]] std::optional<PeerName> find(MacAddress mac) const override;

  /// Drops what is older than kMacAge; call every kMacSweepInterval. Returns how many.
  std::size_t sweep(TimePoint now) override;
  /// The peer has left the topology. Returns how many addresses went with it.
  std::size_t forget_peer(PeerName peer) override;
  /// All entries in order of address, for status and report.
  [[nodiscard]] std::vector<MacEntry> entries() const override;
  [[nodiscard]] PeerName self() const override { return self_; }
  /// Since the start: addresses that changed their peer, and sightings for which there was no room.
  [[nodiscard]] std::uint64_t moves() const { return moves_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t overflows() const { return overflows_.load(std::memory_order_relaxed); }

 private:
  struct Place {
    PeerName peer;
    TimePoint last_seen;
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::unordered_map<MacAddress, Place> places;
  };

  [[nodiscard]] Shard& shard(MacAddress mac) { return shards_[index(mac)]; }
  [[nodiscard]] Shard const& shard(MacAddress mac) const { return shards_[index(mac)]; }
  [[nodiscard]] static std::size_t index(MacAddress mac) {
    // The low bits of real addresses differ most; the multiplication spreads them to the top.
    return (mac.value() * 0x9e37'79b9'7f4a'7c15ULL >> 32) % kShards;
  }
  MacChange record(MacAddress mac, PeerName peer, TimePoint now);
  MacChange enter(MacAddress mac, PeerName peer, TimePoint now);
  template <class Predicate>
  std::size_t erase_where(Predicate matches);

  PeerName self_;
  Duration hold_down_;
  OnChange on_change_;
  std::array<Shard, kShards> shards_;
  std::atomic<std::uint64_t> moves_{0};
  std::atomic<std::uint64_t> overflows_{0};
};

} // namespace weave::datapath
