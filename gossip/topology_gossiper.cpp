#include "gossip/topology_gossiper.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "gossip/topology_codec.hpp"

namespace weave::gossip {
namespace {

[[nodiscard]] std::unique_ptr<GossipData> news_of(PeerTable const& peers, std::set<PeerName> names) {
  if (names.empty()) return nullptr;
  return std::make_unique<TopologyNews>(peers, std::move(names));
}

} // namespace

std::vector<Bytes> TopologyNews::encode() const {
  std::vector<Peer const*> records;
  for (auto const name : names_) {
    if (auto const* const peer = peers_->find(name)) records.push_back(peer);
  }
  return encode_topology_in_parts(records);
}

void TopologyNews::merge(GossipData const& newer) {
  auto const& other = static_cast<TopologyNews const&>(newer).names_;
  names_.insert(other.begin(), other.end());
}

std::unique_ptr<GossipData> TopologyGossiper::complete_state() {
  auto const names = peers_.names();
  return std::make_unique<TopologyNews>(peers_, std::set<PeerName>{names.begin(), names.end()});
}

Result<void> TopologyGossiper::on_unicast(PeerName, ByteView payload) {
  return failure(ErrorKind::malformed,
                 fmt::format("unexpected topology gossip unicast: [{}]",
                             fmt::join(payload.first(std::min<std::size_t>(payload.size(), 64)), " ")));
}

Result<std::unique_ptr<GossipData>> TopologyGossiper::on_broadcast(PeerName, ByteView payload) {
  auto merged = merge(payload);
  if (!merged) return failure_of(merged);
  return news_of(peers_, std::move(merged->original));
}

Result<std::unique_ptr<GossipData>> TopologyGossiper::on_gossip(PeerName, ByteView payload) {
  auto merged = merge(payload);
  if (!merged) return failure_of(merged);
  return news_of(peers_, std::move(merged->delta));
}

Result<PeerTable::Merged> TopologyGossiper::merge(ByteView payload) {
  auto const update = decode_topology(payload);
  if (!update) return failure_of(update);
  auto merged = peers_.merge(*update);
  if (handlers_.on_update) handlers_.on_update();
  if (!merged.delta.empty() && handlers_.on_news) handlers_.on_news();
  return merged;
}

} // namespace weave::gossip
