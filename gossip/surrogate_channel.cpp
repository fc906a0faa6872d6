#include "gossip/surrogate_channel.hpp"

#include <algorithm>
#include <utility>

namespace weave::gossip {
namespace {

constexpr Duration kMemory = std::chrono::seconds{30};
/// What a payload costs beside its bytes (list nodes, counters), so that a flood of empty messages is bounded too.
constexpr std::size_t kOverhead = 256;

/// Payloads to pass on as they are.
class RelayedPayloads final : public GossipData {
 public:
  explicit RelayedPayloads(SurrogateBudget::Payload payload) : payloads_{std::move(payload)} {}

  [[nodiscard]] std::vector<Bytes> encode() const override {
    std::vector<Bytes> copies;
    copies.reserve(payloads_.size());
    for (auto const& payload : payloads_) copies.push_back(*payload);
    return copies;
  }
  void merge(GossipData const& newer) override {
    auto const& other = static_cast<RelayedPayloads const&>(newer).payloads_;
    payloads_.insert(payloads_.end(), other.begin(), other.end());
  }
  [[nodiscard]] std::unique_ptr<GossipData> clone() const override { return std::make_unique<RelayedPayloads>(*this); }

 private:
  std::vector<SurrogateBudget::Payload> payloads_;
};

} // namespace

std::uint64_t fnv1a(ByteView bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (auto const byte : bytes) {
    hash ^= byte;
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

SurrogateBudget::Payload SurrogateBudget::admit(ByteView bytes) {
  auto const cost = bytes.size() + kOverhead;
  if (cost > limit_ || *used_ > limit_ - cost) return nullptr;
  *used_ += cost;
  return Payload{new Bytes(bytes.begin(), bytes.end()), [used = used_, cost](Bytes const* gone) {
                   *used -= cost;
                   delete gone;
                 }};
}

SurrogateChannel::SurrogateChannel(Scheduler& scheduler, SurrogateBudget& budget)
    : scheduler_{scheduler}, budget_{budget}, last_used_{scheduler.now()} {}

Result<void> SurrogateChannel::on_unicast(PeerName, ByteView) { return {}; }

Result<std::unique_ptr<GossipData>> SurrogateChannel::on_broadcast(PeerName, ByteView payload) {
  last_used_ = scheduler_.now();
  auto admitted = budget_.admit(payload);
  if (!admitted) {
    budget_.count_refusal();
    return nullptr;
  }
  return std::make_unique<RelayedPayloads>(std::move(admitted));
}

Result<std::unique_ptr<GossipData>> SurrogateChannel::on_gossip(PeerName, ByteView payload) {
  last_used_ = scheduler_.now();
  auto const hash = fnv1a(payload);
  if (has_seen(hash, payload)) return nullptr;
  while (!seen_.empty() && last_used_ - seen_.front().at > kMemory) forget_oldest();
  auto admitted = budget_.admit(payload);
  while (!admitted && !seen_.empty()) {
    forget_oldest();
    admitted = budget_.admit(payload);
  }
  if (!admitted) {
    budget_.count_refusal();
    return nullptr;
  }
  seen_.push_back(Seen{.hash = hash, .at = last_used_, .payload = admitted});
  by_hash_.emplace(hash, admitted);
  return std::make_unique<RelayedPayloads>(std::move(admitted));
}

bool SurrogateChannel::has_seen(std::uint64_t hash, ByteView payload) const {
  auto const [first, last] = by_hash_.equal_range(hash);
  return std::any_of(first, last, [&](auto const& each) { return std::ranges::equal(*each.second, payload); });
}

void SurrogateChannel::forget_oldest() {
  auto const& oldest = seen_.front();
  auto const [first, last] = by_hash_.equal_range(oldest.hash);
  auto const at = std::find_if(first, last, [&](auto const& each) { return each.second == oldest.payload; });
  if (at != last) by_hash_.erase(at);
  seen_.pop_front();
}

} // namespace weave::gossip
