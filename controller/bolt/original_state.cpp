#include "controller/bolt/original_state.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/address.hpp"
#include "controller/bolt/bolt_file.hpp"
#include "controller/ipam/gossip_state.hpp"
#include "gossip/gob/decoder.hpp"

namespace weave::controller::bolt {

namespace gob = gossip::gob;

namespace {

constexpr std::string_view kBucket = "top";
constexpr std::string_view kFlagPrefix = "flag:";
constexpr std::uint8_t kMajorVersion = 1;

struct WireCidr {
  Ipv4Address address;
  std::int64_t prefix = 0;
};
struct WireOwned {
  bool is_container = false;
  std::vector<WireCidr> cidrs;
};

constexpr auto gob_schema(gob::Of<WireCidr>) {
  return gob::schema("CIDR", gob::field("Addr", &WireCidr::address), gob::field("PrefixLen", &WireCidr::prefix));
}
constexpr auto gob_schema(gob::Of<WireOwned>) {
  return gob::schema("ownedData", gob::field("IsContainer", &WireOwned::is_container),
                     gob::field("Cidrs", &WireOwned::cidrs, "[]address.CIDR"));
}

template <class T>
Result<T> decode(ByteView stream) {
  return gob::Decoder{stream}.decode<T>();
}

Result<void> check_version(ByteView value) {
  if (!value.empty() && value.front() == kMajorVersion) return {};
  return failure(ErrorKind::malformed, fmt::format("mismatched version {}", to_hex(value)));
}

Result<PeerName> decode_name(ByteView stream) {
  auto const name = decode<PeerName>(stream);
  if (name && name->value() == 0) return failure(ErrorKind::malformed, "no peer has this name");
  return name;
}

/// A ring without tokens is one that is yet to be formed.
Result<ipam::RingState> decode_valid_ring(ByteView stream) {
  auto ring = ipam::decode_ring(stream);
  if (!ring || ring->tokens.empty()) return ring;
  if (auto const valid = ipam::validate(*ring); !valid) return failure_of(valid);
  return ring;
}

Result<std::map<std::string, ipam::OwnedAddresses>> decode_owned(ByteView stream) {
  auto const wire = decode<std::map<std::string, WireOwned>>(stream);
  if (!wire) return failure_of(wire);
  std::map<std::string, ipam::OwnedAddresses> owned;
  for (auto const& [id, row] : *wire) {
    auto& addresses = owned[id];
    addresses.is_container = row.is_container;
    for (auto const& [address, prefix] : row.cidrs) {
      if (prefix < 0 || prefix > 32) return failure(ErrorKind::malformed, fmt::format("prefix length {}", prefix));
      addresses.cidrs.push_back({address, static_cast<int>(prefix)});
    }
  }
  return owned;
}

template <class T, class Target>
Result<void> assign(Result<T> decoded, Target& target) {
  if (!decoded) return failure_of(decoded);
  target = *std::move(decoded);
  return {};
}

/// Keys that we do not know are of no use to us.
Result<void> take_in(BucketEntry const& entry, OriginalState& state) {
  auto const& [key, value] = entry;
  if (key == "version") return check_version(value);
  if (key == "peername") return assign(decode_name(value), state.name);
  if (key == "ring") return assign(decode_valid_ring(value), state.ring);
  if (key == "ownedAddresses") return assign(decode_owned(value), state.owned);
  if (key == "directPeers") return assign(decode<std::vector<std::string>>(value), state.targets);
  if (!key.starts_with(kFlagPrefix)) return {};
  return assign(decode<std::string>(value), state.flags[std::string{key.substr(kFlagPrefix.size())}]);
}

} // namespace

Result<OriginalState> decode_original_state(ByteView file) {
  OriginalState state;
  auto const entries = read_bucket(file, kBucket);
  if (!entries && entries.error().kind() == ErrorKind::not_found) return state;
  if (!entries) return failure_of(entries);
  for (auto const& entry : *entries) {
    if (auto const done = take_in(entry, state); !done) {
      return failure(ErrorKind::malformed, fmt::format("key '{}': {}", entry.key, done.error().text()));
    }
  }
  return state;
}

} // namespace weave::controller::bolt
