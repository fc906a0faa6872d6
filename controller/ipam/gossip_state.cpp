#include "controller/ipam/gossip_state.hpp"

#include <utility>

#include <fmt/format.h>

#include "gossip/gob/decoder.hpp"
#include "gossip/gob/encoder.hpp"

namespace weave::controller::ipam {

namespace gob = gossip::gob;

// Field names and kinds are what other peers depend on; the type names are the original's (§7.1).
constexpr auto gob_schema(gob::Of<NodeId>) {
  return gob::schema("", gob::field("Name", &NodeId::name), gob::field("UID", &NodeId::uid));
}
constexpr auto gob_schema(gob::Of<ProposalId>) {
  return gob::schema("ProposalID", gob::field("Round", &ProposalId::round),
                     gob::field("Proposer", &ProposalId::proposer));
}
constexpr auto gob_schema(gob::Of<AcceptedValue>) {
  return gob::schema("AcceptedValue", gob::field("Value", &AcceptedValue::value, "Value"),
                     gob::field("Origin", &AcceptedValue::origin));
}
constexpr auto gob_schema(gob::Of<NodeClaims>) {
  return gob::schema("", gob::field("Promise", &NodeClaims::promise), gob::field("Accepted", &NodeClaims::accepted),
                     gob::field("AcceptedVal", &NodeClaims::accepted_value));
}
constexpr auto gob_schema(gob::Of<RingToken>) {
  return gob::schema("", gob::field("Token", &RingToken::token), gob::field("Peer", &RingToken::peer),
                     gob::field("Version", &RingToken::version), gob::field("Free", &RingToken::free));
}

namespace {

constexpr std::uint8_t kSpaceRequestTag = 0;
constexpr std::uint8_t kRingUpdateTag = 1;
constexpr std::uint8_t kSpaceDeniedTag = 2;
/// The number that a sender of the original gives this type after those of the gossip state.
constexpr gob::TypeId kRangeTypeId = 77;

struct WireRing {
  Ipv4Address start;
  Ipv4Address end;
  PeerName peer;
  std::vector<RingToken> tokens;
  std::vector<PeerName> seeds;
};

struct WireState {
  std::int64_t now = 0;
  Nicknames nicknames;
  std::optional<PaxosState> paxos;
  std::optional<WireRing> ring;
};

struct WireRange {
  Ipv4Address start;
  Ipv4Address end;
};

constexpr auto gob_schema(gob::Of<WireRing>) {
  return gob::schema("Ring", gob::field("Start", &WireRing::start), gob::field("End", &WireRing::end),
                     gob::field("Peer", &WireRing::peer), gob::field("Entries", &WireRing::tokens, "entries"),
                     gob::field("Seeds", &WireRing::seeds, "[]mesh.PeerName"));
}
constexpr auto gob_schema(gob::Of<WireState>) {
  return gob::schema("gossipState", gob::field("Now", &WireState::now),
                     gob::field("Nicknames", &WireState::nicknames, "map[mesh.PeerName]string"),
                     gob::field("Paxos", &WireState::paxos, "GossipState"), gob::field("Ring", &WireState::ring));
}
constexpr auto gob_schema(gob::Of<WireRange>) {
  return gob::schema("Range", gob::field("Start", &WireRange::start), gob::field("End", &WireRange::end));
}

Bytes tagged(std::uint8_t tag, Bytes const& body) {
  ByteWriter out;
  out.u8(tag).raw(body);
  return out.take();
}

Bytes encode_range(std::uint8_t tag, Ipv4Range range) {
  return tagged(tag, gob::Encoder{kRangeTypeId}.encode(WireRange{range.start, range.end}).take());
}

RingState ring_of(WireRing wire) {
  return {{wire.start, wire.end}, wire.peer, std::move(wire.tokens), std::move(wire.seeds)};
}

Result<Ipv4Range> decode_range(ByteView body) {
  auto const wire = gob::Decoder{body}.decode<WireRange>();
  if (!wire) return failure_of(wire);
  return Ipv4Range{wire->start, wire->end};
}

} // namespace

Bytes encode_gossip_state(GossipState const& state) {
  WireState wire{state.now, state.nicknames, state.paxos, std::nullopt};
  if (state.ring) {
    auto const& ring = *state.ring;
    wire.ring = WireRing{ring.universe.start, ring.universe.end, ring.peer, ring.tokens, ring.seeds};
  }
  return gob::encode(wire);
}

Result<GossipState> decode_gossip_state(ByteView payload) {
  auto wire = gob::Decoder{payload}.decode<WireState>();
  if (!wire) return failure_of(wire);
  GossipState state{wire->now, std::move(wire->nicknames), std::move(wire->paxos), std::nullopt};
  if (wire->ring) state.ring = ring_of(*std::move(wire->ring));
  return state;
}

Result<RingState> decode_ring(ByteView stream) {
  auto wire = gob::Decoder{stream}.decode<WireRing>();
  if (!wire) return failure_of(wire);
  return ring_of(*std::move(wire));
}

Bytes encode_unicast(SpaceRequest const& message) { return encode_range(kSpaceRequestTag, message.range); }

Bytes encode_unicast(RingUpdate const& message) { return tagged(kRingUpdateTag, encode_gossip_state(message.state)); }

Bytes encode_unicast(SpaceDenied const& message) { return encode_range(kSpaceDeniedTag, message.range); }

Result<UnicastMessage> decode_unicast(ByteView payload) {
  if (payload.empty()) return failure(ErrorKind::malformed, "empty IP allocation message");
  auto const tag = payload.front();
  auto const body = payload.subspan(1);
  if (tag == kRingUpdateTag) {
    auto state = decode_gossip_state(body);
    if (!state) return failure_of(state);
    return RingUpdate{*std::move(state)};
  }
  if (tag != kSpaceRequestTag && tag != kSpaceDeniedTag) return UnknownUnicast{tag};
  auto const range = decode_range(body);
  if (!range) return failure_of(range);
  if (tag == kSpaceRequestTag) return SpaceRequest{*range};
  return SpaceDenied{*range};
}

} // namespace weave::controller::ipam
