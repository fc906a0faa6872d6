#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "gossip/gossiper.hpp"

namespace weave::gossip {

/// FNV-1a, 64 bits.
[[nodiscard]] std::uint64_t fnv1a(ByteView bytes);

/// One limit on the memory that relayed payloads of channels unknown to us may take, all channels and links together:
/// whoever floods unknown channels loses his own messages, never our memory. Payloads may outlive the budget.
class SurrogateBudget {
 public:
  using Payload = std::shared_ptr<Bytes const>;

  explicit SurrogateBudget(std::size_t limit) : limit_{limit} {}

  /// Copies the bytes into a payload that counts until its last copy is gone; null when they do not fit.
  [[nodiscard]] Payload admit(ByteView bytes);
  [[nodiscard]] std::size_t used() const { return *used_; }
  /// Messages that were not relayed for want of room.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  void count_refusal() { ++refused_; }

 private:
  std::size_t limit_;
  std::shared_ptr<std::size_t> used_ = std::make_shared<std::size_t>(0);
  std::uint64_t refused_ = 0;
};

/// Relays a channel that nobody registered here (protocol/mesh.md §8.6): broadcasts always, gossip unless the same
/// payload passed within the last 30 s. Payloads are opaque and stay byte-identical. Control thread only.
class SurrogateChannel final : public Gossiper {
 public:
  SurrogateChannel(Scheduler& scheduler, SurrogateBudget& budget);

  [[nodiscard]] std::unique_ptr<GossipData> complete_state() override { return nullptr; }
  [[nodiscard]] Result<void> on_unicast(PeerName source, ByteView payload) override;
  [[nodiscard]] Result<std::unique_ptr<GossipData>> on_broadcast(PeerName source, ByteView payload) override;
  [[nodiscard]] Result<std::unique_ptr<GossipData>> on_gossip(PeerName source, ByteView payload) override;

  [[nodiscard]] TimePoint last_used() const { return last_used_; }

 private:
  struct Seen {
    std::uint64_t hash;
    TimePoint at;
    SurrogateBudget::Payload payload;
  };

  [[nodiscard]] bool has_seen(std::uint64_t hash, ByteView payload) const;
  void forget_oldest();

  Scheduler& scheduler_;
  SurrogateBudget& budget_;
  TimePoint last_used_;
  std::deque<Seen> seen_;
  std::unordered_multimap<std::uint64_t, SurrogateBudget::Payload> by_hash_;
};

} // namespace weave::gossip
