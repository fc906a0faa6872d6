#include "gossip/topology_codec.hpp"

#include <set>

#include <gtest/gtest.h>

#include "gossip/topology_gossiper.hpp"
#include "test/fixtures/vectors.hpp"
#include "test/unit/gossip/topology_vectors.hpp"

namespace weave::gossip {
namespace {

using test::VectorFile;

[[nodiscard]] Bytes encode_all(std::vector<Peer> const& peers) {
  std::vector<Peer const*> records;
  for (auto const& peer : peers) records.push_back(&peer);
  return encode_topology(records);
}

TEST(TopologyCodec, DecodesWhatTheOriginalSends) {
  auto& file = VectorFile::load("mesh");
  int seen = 0;
  for (auto const& each : file.all()) {
    auto const& vector = each.as_object();
    auto const group = test::text_of(vector.at("group"));
    if (group != "topology" && group != "topology-alt") continue;
    auto const name = test::text_of(vector.at("name"));
    SCOPED_TRACE(name);
    auto const decoded = decode_topology(test::hex_member(vector, "hex"));
    ++seen;
    if (auto const* const error = vector.if_contains("error")) {
      ASSERT_FALSE(decoded.has_value());
      EXPECT_EQ(decoded.error().text(), test::text_of(*error));
      EXPECT_EQ(decoded.error().kind(), ErrorKind::malformed);
    } else {
      ASSERT_TRUE(decoded.has_value()) << decoded.error().text();
      auto const* const peers = vector.if_contains("peers");
      EXPECT_EQ(*decoded, peers ? test::peers_of(peers->as_array()) : std::vector<Peer>{});
    }
    file.covered(name);
  }
  EXPECT_GE(seen, 13);
}

TEST(TopologyCodec, EncodesTheSameBytesAsAFreshOriginal) {
  auto& file = VectorFile::load("mesh");
  for (auto const* const name : {"topology_single_no_conns", "topology_two_peers", "topology_three_peers",
                                 "topology_placeholder", "topology_ipv6_addr"}) {
    SCOPED_TRACE(name);
    auto const& vector = file.named(name);
    EXPECT_EQ(to_hex(encode_all(test::peers_of(vector.at("peers").as_array()))), test::text_of(vector.at("hex")));
  }
  EXPECT_TRUE(encode_topology({}).empty());
}

TEST(TopologyNews, ALargeMeshIsToldInSeveralMessages) {
  SeededRandom random{1};
  Peer ourself;
  ourself.name = PeerName{1};
  PeerTable table{ourself, random};
  std::set<PeerName> names{ourself.name};
  for (std::uint64_t number = 2; number <= 13; ++number) {
    Peer peer;
    peer.name = PeerName{number};
    peer.version = 1;
    peer.nickname.assign(std::size_t{1} << 20U, 'n');
    table.merge({peer});
    names.insert(peer.name);
  }
  std::set<PeerName> told;
  for (auto const& payload : TopologyNews{table, names}.encode()) {
    EXPECT_LT(payload.size(), std::size_t{5} << 20U) << "the mesh takes 10 MiB";
    auto const decoded = decode_topology(payload);
    ASSERT_TRUE(decoded.has_value());
    for (auto const& peer : *decoded) told.insert(peer.name);
  }
  EXPECT_EQ(told, names);
}

TEST(TopologyCodec, SurvivesEveryTruncationAndBitFlip) {
  auto const bytes = test::hex_member(VectorFile::load("mesh").named("topology_three_peers"), "hex");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    (void)decode_topology(ByteView{bytes}.first(length));
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto damaged = bytes;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ (1U << bit));
      (void)decode_topology(damaged);
    }
  }
}

} // namespace
} // namespace weave::gossip
