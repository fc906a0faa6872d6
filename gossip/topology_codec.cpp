#include "gossip/topology_codec.hpp"

#include <cstdint>
#include <string>
#include <utility>

#include "gossip/gob/decoder.hpp"
#include "gossip/gob/encoder.hpp"

namespace weave::gossip {
namespace {

struct PeerSummary {
  Bytes name;
  std::string nickname;
  std::uint64_t uid = 0;
  std::uint64_t version = 0;
  std::uint16_t short_id = 0;
  bool has_short_id = false;
};

struct ConnectionSummary {
  Bytes name;
  std::string address;
  bool outbound = false;
  bool established = false;
};

constexpr auto gob_schema(gob::Of<PeerSummary>) {
  return gob::schema("peerSummary", gob::field("NameByte", &PeerSummary::name),
                     gob::field("NickName", &PeerSummary::nickname), gob::field("UID", &PeerSummary::uid),
                     gob::field("Version", &PeerSummary::version), gob::field("ShortID", &PeerSummary::short_id),
                     gob::field("HasShortID", &PeerSummary::has_short_id));
}

constexpr auto gob_schema(gob::Of<ConnectionSummary>) {
  return gob::schema("connectionSummary", gob::field("NameByte", &ConnectionSummary::name),
                     gob::field("RemoteTCPAddr", &ConnectionSummary::address),
                     gob::field("Outbound", &ConnectionSummary::outbound),
                     gob::field("Established", &ConnectionSummary::established));
}

/// The mesh takes 10 MiB, which a thousand peers with two hundred connections each come close to.
constexpr std::size_t kMaxPayload = 4U << 20U;
/// Of a record and of a connection, apart from their texts.
constexpr std::size_t kRecordOverhead = 64;
constexpr std::size_t kConnectionOverhead = 24;

[[nodiscard]] std::size_t size_of(Peer const& peer) {
  auto size = kRecordOverhead + peer.nickname.size();
  for (auto const& [remote, connection] : peer.connections) size += kConnectionOverhead + connection.address.size();
  return size;
}

/// Any number of bytes counts, as in the original; none is the unknown peer.
[[nodiscard]] PeerName fold_name(Bytes const& bytes) {
  std::uint64_t value = 0;
  for (auto const byte : bytes) value = value << 8 | byte;
  return PeerName{value};
}

[[nodiscard]] Bytes name_bytes(PeerName name) {
  auto const bytes = name.bytes();
  return Bytes(bytes.begin(), bytes.end());
}

[[nodiscard]] Peer make_peer(PeerSummary summary, std::vector<ConnectionSummary> connections) {
  Peer peer;
  peer.name = fold_name(summary.name);
  peer.nickname = std::move(summary.nickname);
  peer.uid = PeerUid{summary.uid};
  peer.version = summary.version;
  if (summary.has_short_id) peer.short_id = ShortId{summary.short_id};
  for (auto& each : connections) {
    auto const remote = fold_name(each.name);
    peer.connections.insert_or_assign(remote, PeerConnection{.remote = remote,
                                                             .address = std::move(each.address),
                                                             .outbound = each.outbound,
                                                             .established = each.established});
  }
  return peer;
}

[[nodiscard]] PeerSummary summary_of(Peer const& peer) {
  return PeerSummary{.name = name_bytes(peer.name),
                     .nickname = peer.nickname,
                     .uid = std::to_underlying(peer.uid),
                     .version = peer.version,
                     .short_id = std::to_underlying(peer.short_id.value_or(ShortId{0})),
                     .has_short_id = peer.short_id.has_value()};
}

} // namespace

Result<std::vector<Peer>> decode_topology(ByteView payload) {
  gob::Decoder decoder{payload};
  std::vector<Peer> peers;
  while (!decoder.at_end()) {
    auto summary = decoder.decode<PeerSummary>();
    if (!summary) return failure_of(summary);
    if (decoder.at_end()) break;
    auto connections = decoder.decode<std::vector<ConnectionSummary>>();
    if (!connections) return failure_of(connections);
    peers.push_back(make_peer(std::move(*summary), std::move(*connections)));
  }
  return peers;
}

Bytes encode_topology(std::vector<Peer const*> const& peers) {
  gob::Encoder encoder;
  std::vector<ConnectionSummary> connections;
  for (auto const* const peer : peers) {
    connections.clear();
    for (auto const& [remote, connection] : peer->connections) {
      connections.push_back(ConnectionSummary{.name = name_bytes(remote),
                                              .address = connection.address,
                                              .outbound = connection.outbound,
                                              .established = connection.established});
    }
    encoder.encode(summary_of(*peer)).encode(connections);
  }
  return encoder.take();
}

std::vector<Bytes> encode_topology_in_parts(std::vector<Peer const*> const& peers) {
  std::vector<Bytes> parts;
  std::vector<Peer const*> part;
  std::size_t size = 0;
  for (auto const* const peer : peers) {
    auto const more = size_of(*peer);
    if (!part.empty() && size + more > kMaxPayload) {
      parts.push_back(encode_topology(std::exchange(part, {})));
      size = 0;
    }
    part.push_back(peer);
    size += more;
  }
  parts.push_back(encode_topology(part));
  return parts;
}

} // namespace weave::gossip
