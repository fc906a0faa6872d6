#include "controller/ipam/allocator.hpp"

#include <utility>

#include <fmt/format.h>

#include "controller/ipam/persisted_state.hpp"
#include "controller/ipam/ranges.hpp"

namespace weave::controller::ipam {
namespace {

constexpr auto kTick = std::chrono::seconds{5};
constexpr auto kDeadGrace = std::chrono::seconds{30};

} // namespace

/// Encoded when the link is ready, so always the latest state; merging two of them is therefore nothing.
class Allocator::StateToSend final : public gossip::GossipData {
 public:
  explicit StateToSend(std::shared_ptr<Allocator*> allocator) : allocator_{std::move(allocator)} {}

  [[nodiscard]] std::vector<Bytes> encode() const override {
    auto const* const allocator = *allocator_;
    // State that is not on disk must not be told: after a crash we would contradict ourselves.
    if (allocator == nullptr || allocator->unsaved_) return {};
    return {allocator->encode_state()};
  }
  void merge(gossip::GossipData const&) override {}
  [[nodiscard]] std::unique_ptr<gossip::GossipData> clone() const override {
    return std::make_unique<StateToSend>(allocator_);
  }

 private:
  std::shared_ptr<Allocator*> allocator_;
};

Result<void> validate(AllocatorConfig const& config) {
  auto const universe = config.universe.range();
  if (config.universe.prefix == 0 || universe.end <= universe.start) {
    return failure(ErrorKind::out_of_range,
                   fmt::format("IP address allocation range {} reaches the end of the address space",
                               config.universe.to_string()));
  }
  if (!config.default_subnet.range().overlaps(universe)) {
    return failure(ErrorKind::out_of_range,
                   fmt::format("IP address allocation default subnet {} does not overlap with allocation range {}",
                               config.default_subnet.to_string(), config.universe.to_string()));
  }
  return {};
}

Allocator::Allocator(AllocatorConfig config, AllocatorPorts ports)
    : config_{std::move(config)},
      ports_{std::move(ports)},
      book_{config_.universe.range(), config_.self},
      operations_{ports_.scheduler},
      alive_{std::make_shared<Allocator*>(this)} {
  nicknames_[config_.self] = config_.nickname;
  if (config_.formation.mode != Formation::Mode::observer) {
    election_.emplace(NodeId{config_.self, static_cast<std::uint64_t>(config_.uid)});
  }
}

Allocator::~Allocator() { *alive_ = nullptr; }

void Allocator::start() { schedule_tick(); }

void Allocator::schedule_tick() {
  tick_timer_ = ports_.scheduler.after(kTick, [this] {
    schedule_tick();
    tick();
  });
}

void Allocator::tick() {
  std::erase_if(dead_, [&](auto const& entry) {
    if (ports_.scheduler.now() - entry.second <= kDeadGrace) return false;
    book_.release_all(entry.first);
    return true;
  });
  requests_.next_round();
  ++round_;
  if (awaiting_ring_) {
    propose();
  }
  retry_needed_ = true;
  static_cast<void>(end_turn());
}

Result<void> Allocator::end_turn() {
  while (std::exchange(retry_needed_, false)) retry_operations();
  wake_waiting_peers();
  book_.update_free_counts();
  auto saved = save_changes();
  // Who has handed over has nothing to contradict later, and nobody else can tell the mesh that its space has an owner.
  unsaved_ = !saved && !shut_down_;
  if (saved) {
    tell_tracker();
    send_all();
    operations_.deliver();
    return saved;
  }
  ports_.log.error("IP allocation: {}", saved.error().text());
  if (shut_down_) send_all();
  outbox_.clear();
  for (auto const& holding : operations_.deliver_failure(saved.error())) {
    book_.release(holding.id, holding.address);
  }
  return saved;
}

void Allocator::tell_tracker() {
  if (ports_.tracker == nullptr) return;
  auto ranges = book_.ring().owned_ranges(config_.self);
  if (ranges == told_ranges_) return;
  told_ranges_ = std::move(ranges);
  ports_.tracker->follow(*told_ranges_);
}

Result<void> Allocator::save_changes() {
  auto const& changed = book_.owned().changed();
  bool const state_changed = book_.ring_changed() || election_changed_ || nicknames_changed_;
  if (!state_changed && changed.empty()) return {};
  IpamChange change;
  if (state_changed) {
    auto const uid = election_ ? election_->self().uid : static_cast<std::uint64_t>(config_.uid);
    change.state = encode_persisted({config_.self, config_.universe.range(), uid, gossip_state()});
  }
  for (auto const& id : changed) {
    auto const* const row = book_.owned().find(id);
    change.owned.emplace_back(id, row == nullptr ? std::nullopt : std::optional{format_owned(*row)});
  }
  auto saved = ports_.store.save(change);
  if (!saved) {
    return failure(saved.error().kind(), fmt::format("cannot save addresses: {}", saved.error().text()));
  }
  book_.saved();
  election_changed_ = false;
  nicknames_changed_ = false;
  return {};
}

void Allocator::send_all() {
  for (auto& message : std::exchange(outbox_, {})) {
    if (channel_ == nullptr) continue;
    if (!message) {
      channel_->broadcast(StateToSend{alive_});
      continue;
    }
    auto const sent = channel_->unicast(message->destination, std::move(message->payload));
    if (!sent) ports_.log.debug("IP allocation: {}", sent.error().text());
  }
}

void Allocator::retry_operations() {
  for (auto const id : operations_.in_order()) attempt(id);
  ask_back();
  std::set<Ipv4Range> wanted;
  for (auto const address : book_.displaced()) wanted.insert(just(address));
  for (auto const& [id, operation] : operations_.open()) {
    if (auto const* const claim = std::get_if<ClaimRequest>(&operation.request)) {
      wanted.insert({claim->cidr.address, claim->cidr.address + 1});
    } else if (auto const* const allocate = std::get_if<AllocateRequest>(&operation.request)) {
      wanted.insert(allocate->subnet.range());
    }
  }
  requests_.keep_only(wanted);
}

GossipState Allocator::gossip_state() const {
  GossipState state;
  state.now = std::chrono::duration_cast<std::chrono::seconds>(ports_.scheduler.wall_now().time_since_epoch()).count();
  state.nicknames = nicknames_;
  if (!book_.ring().empty()) {
    state.ring = book_.ring().state();
  } else if (election_) {
    state.paxos = election_->state();
  }
  return state;
}

Bytes Allocator::encode_state() const { return encode_gossip_state(gossip_state()); }

void Allocator::unicast_state(PeerName destination) {
  outbox_.push_back(Unicast{destination, encode_unicast(RingUpdate{gossip_state()})});
}

std::unique_ptr<gossip::GossipData> Allocator::complete_state() {
  if (unsaved_) return nullptr;
  return std::make_unique<StateToSend>(alive_);
}

Result<std::unique_ptr<gossip::GossipData>> Allocator::on_broadcast(PeerName source, ByteView payload) {
  auto state = decode_gossip_state(payload);
  if (!state) return failure_of(state);
  if (auto const received = receive(*std::move(state), source); !received) return failure_of(received);
  return complete_state();
}

Result<std::unique_ptr<gossip::GossipData>> Allocator::on_gossip(PeerName, ByteView payload) {
  auto state = decode_gossip_state(payload);
  if (!state) return failure_of(state);
  // The neighbour it came from says nothing about who asked, and periodic gossip is never answered.
  if (auto const received = receive(*std::move(state), kUnknownPeer); !received) return failure_of(received);
  return std::unique_ptr<gossip::GossipData>{};
}

} // namespace weave::controller::ipam
