#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/ipam/allocator.hpp"
#include "controller/ipam/ranges.hpp"

namespace weave::controller::ipam {
namespace {

/// Far above any cluster; keeps a peer that invents names from filling memory.
constexpr std::size_t kMaxNicknames = 8192;
constexpr std::size_t kMaxNicknameLength = 256;
constexpr auto kShowDispute = std::chrono::minutes{2};
/// Longer than the pauses between attempts to connect to a peer whose ring we cannot have.
constexpr auto kShowRefusal = std::chrono::minutes{15};

} // namespace

Result<void> Allocator::on_unicast(PeerName source, ByteView payload) {
  auto message = decode_unicast(payload);
  if (!message) return failure_of(message);
  if (auto* const update = std::get_if<RingUpdate>(&*message)) {
    // Whatever we asked this peer for, this is the end of its answer.
    requests_.on_answer(source);
    retry_needed_ = true;
    return receive(std::move(update->state), source);
  }
  if (auto const* const request = std::get_if<SpaceRequest>(&*message)) {
    on_space_request(source, request->range);
  } else if (auto const* const denied = std::get_if<SpaceDenied>(&*message)) {
    on_space_denied(source, denied->range);
  } else {
    ports_.log.debug("IP allocation: ignored message with unknown tag {} from {}",
                     std::get<UnknownUnicast>(*message).tag, describe(source));
  }
  static_cast<void>(end_turn());
  return {};
}

Result<void> Allocator::receive(GossipState state, PeerName source) {
  merge_nicknames(state.nicknames, source.is_unknown() && state.ring ? state.ring->peer : source);
  Result<void> received;
  if (state.ring) {
    received = receive_ring(*state.ring, source);
  } else if (!book_.ring().empty()) {
    if (!source.is_unknown()) unicast_state(source);
  } else if (state.paxos) {
    receive_election(*state.paxos);
  } else if (election_ && !source.is_unknown()) {
    // Who asks without taking part is an observer.
    if (ports_.mesh.is_known(source)) asked_to_vote_[source] = ports_.scheduler.now() - std::chrono::hours{1};
    establish_ring();
  }
  static_cast<void>(end_turn());
  return received;
}

void Allocator::merge_nicknames(Nicknames const& theirs, PeerName source) {
  auto const owners = book_.ring().owners();
  for (auto const& [peer, nickname] : theirs) {
    // Our own name is ours to say.
    if (peer == config_.self || nickname.size() > kMaxNicknameLength) continue;
    if (!nicknames_.contains(peer) && nicknames_.size() >= kMaxNicknames) continue;
    // Others may remember another one of before; two of them would change it back and forth.
    if (nicknames_.contains(peer) && peer != source) continue;
    auto& known = nicknames_[peer];
    // Kept on disk: after a restart a dead peer is still called what people call it. Only owners are looked for then.
    bool const is_owner = std::ranges::find(owners, peer) != owners.end();
    nicknames_changed_ = nicknames_changed_ || (is_owner && known != nickname);
    known = nickname;
  }
}

void Allocator::prune_nicknames() {
  auto const owners = book_.ring().owners();
  std::erase_if(nicknames_, [&](auto const& entry) {
    auto const peer = entry.first;
    return peer != config_.self && std::ranges::find(owners, peer) == owners.end() && !ports_.mesh.is_known(peer);
  });
}

Result<void> Allocator::receive_ring(RingState const& ring, PeerName source) {
  bool const was_empty = book_.ring().empty();
  auto const merged = book_.merge(ring);
  auto const sender = source.is_unknown() ? ring.peer : source;
  if (!merged) return judge(merged.error(), ring, sender);
  if (merged->conflict) {
    report_conflict(*merged->conflict, sender, kShowDispute);
  } else {
    end_conflict(sender);
  }
  if (merged->restated) broadcast_state();
  if (!merged->updated) return {};
  prune_nicknames();
  if (was_empty && !book_.ring().empty()) {
    awaiting_ring_ = false;
    asked_to_vote_.clear();
  }
  retry_needed_ = true;
  return {};
}

Result<void> Allocator::judge(MergeError const& error, RingState const& theirs, PeerName source) {
  auto const refuse = [&](std::string const& text, std::string_view advice) {
    report_conflict(fmt::format("{}; {}", text, advice), source, kShowRefusal);
    return failure(ErrorKind::refused, text);
  };
  switch (error.kind) {
    case MergeError::Kind::invalid:
    case MergeError::Kind::conflict: return failure(ErrorKind::malformed, error.text);
    case MergeError::Kind::different_range:
      return refuse(fmt::format("Incompatible IP allocation ranges (received: {}, ours: {})",
                                to_cidr_text(theirs.universe), to_cidr_text(book_.ring().universe())),
                    "all hosts need the same --ipalloc-range");
    case MergeError::Kind::different_seeds: {
      auto const names = [this](std::vector<PeerName> const& seeds) {
        std::vector<std::string> texts;
        for (auto const seed : seeds) texts.push_back(describe(seed));
        return fmt::format("[{}]", fmt::join(texts, " "));
      };
      return refuse(fmt::format("IP allocation was seeded by different peers (received: {}, ours: {})",
                                names(theirs.seeds), names(book_.ring().state().seeds)),
                    "their rings cannot be joined: run 'weave reset' on the hosts of one part and launch them again");
    }
  }
  return failure(ErrorKind::malformed, error.text);
}

void Allocator::on_space_request(PeerName source, Ipv4Range range) {
  if (source == config_.self || source.is_unknown()) return;
  if (book_.ring().empty()) {
    // Whoever has just formed the ring asks before it has reached us.
    waiting_peers_.note(source, range, ports_.scheduler.now());
    return;
  }
  auto const given = donations_held_ ? std::nullopt : book_.donate(range, source);
  if (given) {
    ports_.log.debug("IP allocation: gave {} to {}", given->to_string(), describe(source));
    broadcast_state();
  } else {
    waiting_peers_.note(source, range, ports_.scheduler.now());
    outbox_.push_back(Unicast{source, encode_unicast(SpaceDenied{range})});
  }
  unicast_state(source);
}

void Allocator::on_space_denied(PeerName source, Ipv4Range range) {
  if (!requests_.on_denied(range, source)) return;
  for (auto const id : operations_.in_order()) {
    auto const* const claim = std::get_if<ClaimRequest>(&operations_.find(id)->request);
    if (claim == nullptr || just(claim->cidr.address) != range) continue;
    if (book_.ring().owner(claim->cidr.address) != source) continue;
    conclude(id, failure(ErrorKind::refused, denial_text(claim->cidr, source)));
  }
  note_contested(range, source);
  retry_needed_ = true;
}

void Allocator::hold_donations(bool held) {
  donations_held_ = held;
  if (!held) static_cast<void>(end_turn());
}

void Allocator::wake_waiting_peers() {
  if (donations_held_) return;
  for (auto const peer : waiting_peers_.take_served(book_.space().free(), ports_.scheduler.now())) unicast_state(peer);
}

void Allocator::on_peer_gone(PeerName peer) {
  asked_to_vote_.erase(peer);
  waiting_peers_.forget(peer);
  requests_.on_gone(peer);
  retry_needed_ = true;
  auto const owners = book_.ring().owners();
  if (peer != config_.self && std::ranges::find(owners, peer) == owners.end()) nicknames_.erase(peer);
  static_cast<void>(end_turn());
}

Result<std::optional<PeerName>> Allocator::find_owner(std::string_view name_or_nickname) const {
  std::vector<PeerName> owners;
  for (auto const& [peer, nickname] : nicknames_) {
    if (nickname == name_or_nickname) owners.push_back(peer);
  }
  if (auto const parsed = PeerName::parse(name_or_nickname); parsed && owners.empty()) owners.push_back(*parsed);
  std::erase_if(owners, [&](PeerName peer) { return book_.ring().owned_ranges(peer).empty(); });
  if (owners.size() < 2) return owners.empty() ? std::nullopt : std::optional{owners.front()};
  // A machine set up anew has the nickname of the one that it replaces.
  std::erase_if(owners, [&](PeerName peer) { return peer == config_.self || ports_.mesh.is_known(peer); });
  if (owners.size() == 1) return owners.front();
  if (owners.empty())
    return failure(ErrorKind::refused, fmt::format("all peers called {} are in the mesh", name_or_nickname));
  std::vector<std::string> names;
  for (auto const peer : owners) names.push_back(peer.to_string());
  return failure(ErrorKind::refused, fmt::format("several peers that are gone are called {}; which one is meant: {}?",
                                                 name_or_nickname, fmt::join(names, ", ")));
}

Result<std::uint32_t> Allocator::take_over(std::string_view peer) {
  auto const found = find_owner(peer);
  if (!found) return failure_of(found);
  auto const from = *found;
  if (!from || *from == config_.self) return 0U;
  if (ports_.mesh.is_known(*from)) {
    return failure(ErrorKind::refused, fmt::format("peer {} is still in the mesh; only the addresses of a peer that is "
                                                   "gone for good can be taken over",
                                                   describe(*from)));
  }
  auto before = book_.ring();
  auto const gained = book_.take_over(*from);
  book_.update_free_counts();
  if (auto const saved = save_changes(); !saved) {
    // Whoever is told that it failed may well ask another host to do it, and two must not.
    book_.adopt(std::move(before));
    return failure_of(saved);
  }
  retry_needed_ = true;
  broadcast_state();
  static_cast<void>(end_turn());
  return gained;
}

std::optional<PeerName> Allocator::choose_heir() const {
  auto candidates = book_.ring().owners();
  for (auto const& [peer, nickname] : nicknames_) candidates.push_back(peer);
  std::erase(candidates, config_.self);
  auto const reachable = std::ranges::find_if(candidates, [&](PeerName peer) { return ports_.mesh.is_known(peer); });
  if (reachable != candidates.end()) return *reachable;
  return candidates.empty() ? std::nullopt : std::optional{candidates.front()};
}

void Allocator::shut_down() {
  if (shut_down_) return;
  shut_down_ = true;
  retry_needed_ = true; // which cancels what is open
  auto const heir = choose_heir();
  if (heir && !book_.ring().owned_ranges(config_.self).empty()) {
    ports_.log.info("IP allocation: handing over to {}", describe(*heir));
    book_.hand_over(*heir);
    broadcast_state();
  }
  static_cast<void>(end_turn());
}

} // namespace weave::controller::ipam
