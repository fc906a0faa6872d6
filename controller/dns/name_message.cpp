#include "controller/dns/name_message.hpp"

#include <string>
#include <utility>

#include "gossip/gob/decoder.hpp"
#include "gossip/gob/encoder.hpp"

namespace weave::controller::dns {

namespace gob = gossip::gob;

namespace {

/// More than any name that can be asked for, escapes included.
constexpr std::size_t kMaxHostname = 1024;
constexpr std::size_t kMaxContainerId = 1024;
/// The mesh takes 10 MiB.
constexpr std::size_t kMaxPayload = 4U << 20U;
/// Of one entry, apart from its texts.
constexpr std::size_t kEntryOverhead = 48;

struct WireEntry {
  std::string container_id;
  PeerName origin;
  Ipv4Address address;
  std::string hostname;
  std::int64_t version = 0;
  std::int64_t tombstone = 0;
};

struct WireMessage {
  std::int64_t timestamp = 0;
  std::vector<WireEntry> entries;
};

// Field names and kinds are what other peers depend on; the type names are the original's.
constexpr auto gob_schema(gob::Of<WireEntry>) {
  return gob::schema("Entry", gob::field("ContainerID", &WireEntry::container_id),
                     gob::field("Origin", &WireEntry::origin), gob::field("Addr", &WireEntry::address),
                     gob::field("Hostname", &WireEntry::hostname), gob::field("Version", &WireEntry::version),
                     gob::field("Tombstone", &WireEntry::tombstone));
}
constexpr auto gob_schema(gob::Of<WireMessage>) {
  return gob::schema("GossipData", gob::field("Timestamp", &WireMessage::timestamp),
                     gob::field("Entries", &WireMessage::entries, "Entries"));
}

WireEntry to_wire(NameKey const& key, NameState const& state) {
  return {.container_id = key.container_id,
          .origin = key.origin,
          .address = key.address,
          .hostname = key.hostname,
          .version = state.version,
          .tombstone = state.tombstone};
}

} // namespace

Bytes encode_names(NameMessage const& message) {
  WireMessage wire{.timestamp = message.timestamp, .entries = {}};
  wire.entries.reserve(message.entries.size());
  for (auto const& [key, state] : message.entries) wire.entries.push_back(to_wire(key, state));
  return gob::encode(wire);
}

std::vector<Bytes> encode_names_in_parts(NameMessage const& message) {
  std::vector<Bytes> parts;
  WireMessage part{.timestamp = message.timestamp, .entries = {}};
  std::size_t size = 0;
  for (auto const& [key, state] : message.entries) {
    auto const more = key.hostname.size() + key.container_id.size() + kEntryOverhead;
    if (size + more > kMaxPayload) {
      parts.push_back(gob::encode(part));
      part.entries.clear();
      size = 0;
    }
    size += more;
    part.entries.push_back(to_wire(key, state));
  }
  parts.push_back(gob::encode(part));
  return parts;
}

Result<NameMessage> decode_names(ByteView payload) {
  auto wire = gob::Decoder{payload}.decode<WireMessage>();
  if (!wire) return failure_of(wire);
  NameMessage message{.timestamp = wire->timestamp, .entries = {}};
  for (auto& entry : wire->entries) {
    if (entry.hostname.size() > kMaxHostname || entry.container_id.size() > kMaxContainerId) continue;
    merge_into(message.entries, {std::move(entry.hostname), entry.origin, std::move(entry.container_id), entry.address},
               {entry.version, entry.tombstone});
  }
  return message;
}

} // namespace weave::controller::dns
