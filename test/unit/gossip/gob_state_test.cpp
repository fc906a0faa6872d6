// The payloads of the mesh's channels as a user of the codec declares them, against bytes written by the original.
#include <algorithm>

#include <gtest/gtest.h>

#include "gossip/gob/decoder.hpp"
#include "gossip/gob/encoder.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::gossip {
namespace {

namespace json = boost::json;
using test::VectorFile;

struct PeerSummary {
  Bytes name;
  std::string nickname;
  PeerUid uid{};
  std::uint64_t version = 0;
  std::uint16_t short_id = 0;
  bool has_short_id = false;
};

constexpr auto gob_schema(gob::Of<PeerSummary>) {
  return gob::schema("peerSummary", gob::field("NameByte", &PeerSummary::name),
                     gob::field("NickName", &PeerSummary::nickname), gob::field("UID", &PeerSummary::uid),
                     gob::field("Version", &PeerSummary::version), gob::field("ShortID", &PeerSummary::short_id),
                     gob::field("HasShortID", &PeerSummary::has_short_id));
}

struct LinkSummary {
  Bytes name;
  std::string address;
  bool outbound = false;
  bool established = false;
};

constexpr auto gob_schema(gob::Of<LinkSummary>) {
  return gob::schema("connectionSummary", gob::field("NameByte", &LinkSummary::name),
                     gob::field("RemoteTCPAddr", &LinkSummary::address), gob::field("Outbound", &LinkSummary::outbound),
                     gob::field("Established", &LinkSummary::established));
}

struct NodeId {
  PeerName name;
  PeerUid uid{};
  friend auto operator<=>(NodeId const&, NodeId const&) = default;
};

constexpr auto gob_schema(gob::Of<NodeId>) {
  return gob::schema("", gob::field("Name", &NodeId::name), gob::field("UID", &NodeId::uid));
}

struct ProposalId {
  std::uint64_t round = 0;
  NodeId proposer;
};

constexpr auto gob_schema(gob::Of<ProposalId>) {
  return gob::schema("ProposalID", gob::field("Round", &ProposalId::round),
                     gob::field("Proposer", &ProposalId::proposer));
}

struct AcceptedValue {
  std::vector<PeerName> value;
  ProposalId origin;
};

constexpr auto gob_schema(gob::Of<AcceptedValue>) {
  return gob::schema("AcceptedValue", gob::field("Value", &AcceptedValue::value, "Value"),
                     gob::field("Origin", &AcceptedValue::origin));
}

struct NodeClaims {
  ProposalId promise;
  ProposalId accepted;
  AcceptedValue value;
};

constexpr auto gob_schema(gob::Of<NodeClaims>) {
  return gob::schema("", gob::field("Promise", &NodeClaims::promise), gob::field("Accepted", &NodeClaims::accepted),
                     gob::field("AcceptedVal", &NodeClaims::value));
}

struct RingEntry {
  Ipv4Address token;
  PeerName peer;
  std::uint32_t version = 0;
  std::uint32_t free = 0;
};

constexpr auto gob_schema(gob::Of<RingEntry>) {
  return gob::schema("", gob::field("Token", &RingEntry::token), gob::field("Peer", &RingEntry::peer),
                     gob::field("Version", &RingEntry::version), gob::field("Free", &RingEntry::free));
}

struct RingState {
  Ipv4Address start;
  Ipv4Address end;
  PeerName peer;
  std::vector<RingEntry> entries;
  std::vector<PeerName> seeds;
};

constexpr auto gob_schema(gob::Of<RingState>) {
  return gob::schema("Ring", gob::field("Start", &RingState::start), gob::field("End", &RingState::end),
                     gob::field("Peer", &RingState::peer), gob::field("Entries", &RingState::entries, "entries"),
                     gob::field("Seeds", &RingState::seeds, "[]mesh.PeerName"));
}

struct AllocatorState {
  std::int64_t now = 0;
  std::map<PeerName, std::string> nicknames;
  std::optional<std::map<NodeId, NodeClaims>> paxos;
  std::optional<RingState> ring;
};

constexpr auto gob_schema(gob::Of<AllocatorState>) {
  return gob::schema("gossipState", gob::field("Now", &AllocatorState::now),
                     gob::field("Nicknames", &AllocatorState::nicknames, "map[mesh.PeerName]string"),
                     gob::field("Paxos", &AllocatorState::paxos, "GossipState"),
                     gob::field("Ring", &AllocatorState::ring));
}

struct Range {
  Ipv4Address start;
  Ipv4Address end;
};

constexpr auto gob_schema(gob::Of<Range>) {
  return gob::schema("Range", gob::field("Start", &Range::start), gob::field("End", &Range::end));
}

Bytes transcode_topology(Bytes const& wire, gob::TypeId first_id) {
  gob::Decoder decoder{wire};
  gob::Encoder encoder{first_id};
  while (!decoder.at_end()) {
    auto const summary = decoder.decode<PeerSummary>();
    if (!summary) return {};
    auto const links = decoder.decode<std::vector<LinkSummary>>();
    if (!links) return {};
    encoder.encode(*summary).encode(*links);
  }
  return encoder.take();
}

TEST(GobStates, TopologyComesOutByteExact) {
  auto& mesh = VectorFile::load("mesh");
  for (auto const* name : {"topology_single_no_conns", "topology_two_peers", "topology_three_peers",
                           "topology_placeholder", "topology_ipv6_addr", "topology_empty"}) {
    auto const wire = test::hex_member(mesh.named(name), "hex");
    EXPECT_EQ(to_hex(transcode_topology(wire, 65)), to_hex(wire)) << name;
  }
  for (auto const* name : {"topology_single_no_conns", "topology_three_peers"}) {
    auto const other_ids = test::hex_member(mesh.named(std::string{name} + "_altid"), "hex");
    EXPECT_EQ(to_hex(transcode_topology(other_ids, 65)), to_hex(test::hex_member(mesh.named(name), "hex")));
    EXPECT_EQ(to_hex(transcode_topology(other_ids, 69)), to_hex(other_ids));
  }
}

TEST(GobStates, UnknownAndReorderedFieldsAreSkippedByTheirDescriptors) {
  auto const wire = test::hex_member(VectorFile::load("mesh").named("topology_reordered_extra_fields"), "hex");
  gob::Decoder decoder{wire};
  auto const summary = decoder.decode<PeerSummary>();
  ASSERT_TRUE(summary) << summary.error().text();
  EXPECT_EQ(summary->nickname, "new");
  EXPECT_EQ(summary->uid, PeerUid{99});
  EXPECT_EQ(summary->version, 3U);
  EXPECT_EQ(summary->short_id, 77);
  auto const links = decoder.decode<std::vector<LinkSummary>>();
  ASSERT_TRUE(links) << links.error().text();
  ASSERT_EQ(links->size(), 1U);
  EXPECT_EQ(links->front().address, "10.0.0.1:6783");
  EXPECT_TRUE(decoder.at_end());
}

/// Go writes maps in random order, we in ascending order: the same bytes may come in another order.
void expect_same_up_to_map_order(Bytes ours, Bytes theirs, std::string_view name) {
  std::ranges::sort(ours);
  std::ranges::sort(theirs);
  EXPECT_EQ(to_hex(ours), to_hex(theirs)) << name;
}

/// "type_ids_shifted_by_300_ring": the sender had numbered 300 types before.
gob::TypeId first_id_of(std::string_view name) {
  constexpr std::string_view kMark = "type_ids_shifted_by_";
  if (!name.starts_with(kMark)) return gob::kFirstUserId;
  return gob::kFirstUserId + std::stol(std::string{name.substr(kMark.size())});
}

TEST(GobStates, AllocatorStatesComeOutByteExact) {
  std::size_t exact = 0;
  for (auto const& item : VectorFile::load("ipam").document().at("gossip_state").as_array()) {
    auto const wire = test::hex_member(item.as_object(), "hex");
    gob::Decoder decoder{wire};
    auto const state = decoder.decode<AllocatorState>();
    ASSERT_TRUE(state) << state.error().text();
    std::string const name{item.at("name").as_string()};
    auto const again = gob::Encoder{first_id_of(name)}.encode(*state).take();
    exact += again == wire ? 1U : 0U;
    expect_same_up_to_map_order(again, wire, name);
  }
  EXPECT_GE(exact, 5U);
}

TEST(GobStates, AllocatorUnicastsComeOutByteExact) {
  for (auto const& item : VectorFile::load("ipam").document().at("unicast").as_array()) {
    auto const message = test::hex_member(item.as_object(), "hex");
    ByteView const wire = ByteView{message}.subspan(1);
    gob::Decoder decoder{wire};
    Bytes again;
    if (message[0] == 1) {
      again = gob::encode(decoder.decode<AllocatorState>().value());
    } else {
      again = gob::Encoder{77}.encode(decoder.decode<Range>().value()).take();
    }
    expect_same_up_to_map_order(again, {wire.begin(), wire.end()}, item.at("name").as_string());
  }
}

} // namespace
} // namespace weave::gossip
