#include "gossip/gossip_channels.hpp"

#include <utility>

#include <fmt/format.h>

namespace weave::gossip {
namespace {

constexpr Duration kRound = std::chrono::seconds{30};
constexpr std::size_t kMaxSurrogates = 64;
constexpr std::size_t kMaxSurrogateName = 255;
constexpr std::size_t kSurrogateMemory = 16 * 1024 * 1024;
constexpr auto kUnicast = std::to_underlying(MessageTag::unicast);

} // namespace

class GossipChannels::Channel final : public GossipChannel {
 public:
  Channel(std::string name, Gossiper& gossiper, GossipChannels& channels)
      : name_{std::move(name)}, gossiper_{gossiper}, channels_{channels} {}

  [[nodiscard]] Gossiper& gossiper() const { return gossiper_; }

  [[nodiscard]] Result<void> unicast(PeerName destination, Bytes payload) override {
    return channels_.relay(destination,
                           {kUnicast, encode_unicast_body(name_, channels_.ourself_, destination, payload)});
  }
  void broadcast(GossipData const& data) override { channels_.broadcast(name_, channels_.ourself_, data); }
  void gossip_neighbours(GossipData const& data) override {
    channels_.routes_.ensure_current();
    channels_.gossip(name_, channels_.ourself_, data);
  }

 private:
  std::string name_;
  Gossiper& gossiper_;
  GossipChannels& channels_;
};

GossipChannels::GossipChannels(PeerName ourself, Routes& routes, NeighbourLinks& links, Scheduler& scheduler,
                               Logger logger)
    : ourself_{ourself},
      routes_{routes},
      links_{links},
      scheduler_{scheduler},
      logger_{std::move(logger)},
      budget_{kSurrogateMemory} {}

GossipChannels::~GossipChannels() = default;

GossipChannel& GossipChannels::register_channel(std::string const& name, Gossiper& gossiper) {
  surrogates_.erase(name);
  auto const [at, is_new] = channels_.try_emplace(name, std::make_unique<Channel>(name, gossiper, *this));
  return *at->second;
}

void GossipChannels::start() {
  round_ = scheduler_.after(kRound, [this] {
    start();
    gossip_all_states();
  });
}

Result<void> GossipChannels::receive(std::uint8_t tag, ByteView body) {
  auto const message = decode_gossip_message(tag, body);
  if (!message) return failure_of(message);
  if (tag == kUnicast && message->destination != ourself_) {
    relay_received(*message, body);
    return {};
  }
  if (!message->payload) return failure_of(message->payload);
  auto* const gossiper = gossiper_of(message->channel);
  if (gossiper == nullptr) return {};
  if (tag == kUnicast) return gossiper->on_unicast(message->source, *message->payload);
  if (tag == std::to_underlying(MessageTag::broadcast)) return receive_broadcast(*gossiper, *message);
  return receive_gossip(*gossiper, *message);
}

void GossipChannels::send_complete_state(PeerName neighbour) {
  for (auto const& [name, channel] : channels_) {
    if (auto const state = channel->gossiper().complete_state()) links_.queue_gossip(neighbour, name, *state);
  }
}

Gossiper* GossipChannels::gossiper_of(std::string const& channel) {
  if (auto const at = channels_.find(channel); at != channels_.end()) return &at->second->gossiper();
  return surrogate_for(channel);
}

Gossiper* GossipChannels::surrogate_for(std::string const& channel) {
  if (auto const at = surrogates_.find(channel); at != surrogates_.end()) return at->second.get();
  if (surrogates_.size() >= kMaxSurrogates) {
    auto const now = scheduler_.now();
    std::erase_if(surrogates_, [&](auto const& each) { return now - each.second->last_used() > kRound; });
  }
  if (surrogates_.size() >= kMaxSurrogates || channel.size() > kMaxSurrogateName) {
    if (!std::exchange(has_logged_overflow_, true)) {
      logger_.warning("too many unknown gossip channels: messages on further ones are dropped");
    }
    budget_.count_refusal();
    return nullptr;
  }
  logger_.info("[gossip {}]: created surrogate channel", channel);
  auto const [at, is_new] = surrogates_.emplace(channel, std::make_unique<SurrogateChannel>(scheduler_, budget_));
  return at->second.get();
}

void GossipChannels::relay_received(GossipMessage const& message, ByteView body) {
  auto const relayed = relay(message.destination, {kUnicast, Bytes(body.begin(), body.end())});
  // Somebody else's routes lag behind ours or the reverse: no reason to drop the connection.
  if (!relayed) {
    auto const channel = std::string_view{message.channel}.substr(0, kMaxSurrogateName);
    logger_.info("[gossip {}]: {}", channel, relayed.error().text());
  }
}

Result<void> GossipChannels::receive_broadcast(Gossiper& gossiper, GossipMessage const& message) {
  auto const to_pass_on = gossiper.on_broadcast(message.source, *message.payload);
  if (!to_pass_on) return failure_of(to_pass_on);
  if (*to_pass_on) broadcast(message.channel, message.source, **to_pass_on);
  return {};
}

Result<void> GossipChannels::receive_gossip(Gossiper& gossiper, GossipMessage const& message) {
  auto const news = gossiper.on_gossip(message.source, *message.payload);
  if (!news) return failure_of(news);
  if (*news) gossip(message.channel, message.source, **news);
  return {};
}

Result<void> GossipChannels::relay(PeerName destination, OutgoingMessage const& message) {
  auto sent = send_towards(destination, message);
  if (sent || sent.error().kind() != ErrorKind::not_found) return sent;
  // It may have joined, or the neighbour that led there have gone, a moment ago.
  if (!routes_.ensure_current()) return sent;
  return send_towards(destination, message);
}

Result<void> GossipChannels::send_towards(PeerName destination, OutgoingMessage const& message) {
  auto const hop = routes_.all().next_hop(destination);
  if (hop.is_unknown()) {
    return failure(ErrorKind::not_found, fmt::format("unknown relay destination: {}", destination.to_string()));
  }
  auto sent = links_.send_now(hop, message);
  if (!sent && sent.error().kind() == ErrorKind::not_found) {
    return failure(ErrorKind::not_found, fmt::format("unable to find connection to relay peer {}", hop.to_string()));
  }
  return sent;
}

void GossipChannels::broadcast(std::string const& channel, PeerName source, GossipData const& data) {
  routes_.ensure_current();
  for (auto const hop : routes_.all().broadcast_hops(source)) links_.queue_broadcast(hop, channel, source, data);
}

void GossipChannels::gossip(std::string const& channel, PeerName except, GossipData const& data) {
  for (auto const hop : routes_.random_neighbours(except)) links_.queue_gossip(hop, channel, data);
}

void GossipChannels::gossip_all_states() {
  routes_.ensure_current();
  for (auto const& [name, channel] : channels_) {
    if (auto const state = channel->gossiper().complete_state()) gossip(name, ourself_, *state);
  }
}

} // namespace weave::gossip
