#include "gossip/gossip_sender.hpp"

#include <utility>

#include "gossip/gossip_message.hpp"

namespace weave::gossip {
namespace {

void merge_into(std::unique_ptr<GossipData>& pending, GossipData const& data) {
  if (pending) {
    pending->merge(data);
  } else {
    pending = data.clone();
  }
}

} // namespace

void GossipSender::queue_gossip(GossipData const& data) { merge_into(gossip_, data); }

void GossipSender::queue_broadcast(PeerName source, GossipData const& data) { merge_into(broadcasts_[source], data); }

std::vector<OutgoingMessage> GossipSender::take_next() {
  std::vector<OutgoingMessage> messages;
  if (auto const pending = std::exchange(gossip_, nullptr)) {
    for (auto const& payload : pending->encode()) {
      messages.push_back({std::to_underlying(MessageTag::gossip), encode_gossip_body(channel_, ourself_, payload)});
    }
    return messages;
  }
  if (broadcasts_.empty()) return messages;
  auto const pending = broadcasts_.extract(broadcasts_.begin());
  for (auto const& payload : pending.mapped()->encode()) {
    messages.push_back(
        {std::to_underlying(MessageTag::broadcast), encode_gossip_body(channel_, pending.key(), payload)});
  }
  return messages;
}

GossipSender& GossipSendQueue::sender(std::string const& channel) {
  return senders_.try_emplace(channel, channel, ourself_).first->second;
}

std::vector<OutgoingMessage> GossipSendQueue::take_next() {
  while (!senders_.empty()) {
    auto at = senders_.upper_bound(last_served_);
    if (at == senders_.end()) at = senders_.begin();
    last_served_ = at->first;
    auto messages = at->second.take_next();
    if (at->second.empty()) senders_.erase(at);
    if (!messages.empty()) return messages;
  }
  return {};
}

} // namespace weave::gossip
