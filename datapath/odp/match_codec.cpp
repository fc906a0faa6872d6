#include "datapath/odp/match_codec.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <linux/openvswitch.h>
#include <vector>

#include "datapath/netlink/attributes.hpp"
#include "datapath/odp/tunnel_codec.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath::odp {

namespace {

constexpr std::uint16_t kTagPresent = 0x1000;
constexpr std::uint16_t kVidMask = 0x0fff;
constexpr std::uint16_t kExact = 0xffff;
constexpr std::uint32_t kExactPort = 0xffff'ffff;
constexpr std::size_t kMacPair = 12;

using Pair = std::pair<RawAttribute, RawAttribute>;

MacAddress masked(MaskedMac const& mac) {
  auto bytes = mac.value.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] &= mac.mask.bytes()[i];
  return MacAddress{bytes};
}

void put_macs(netlink::MessageBuilder& builder, MacAddress source, MacAddress destination) {
  std::array<std::uint8_t, kMacPair> both{};
  std::ranges::copy(source.bytes(), both.begin());
  std::ranges::copy(destination.bytes(), both.begin() + 6);
  builder.put(OVS_KEY_ATTR_ETHERNET, both);
}

void put_encapsulated_key(netlink::MessageBuilder& builder, VlanMatch const& vlan) {
  builder.nest(OVS_KEY_ATTR_ENCAP, [&] {
    if (!vlan.inner_type) return;
    builder.nest(OVS_KEY_ATTR_ENCAP, [] {})
        .put_big_u16(OVS_KEY_ATTR_VLAN, kTagPresent)
        .put_big_u16(OVS_KEY_ATTR_ETHERTYPE, *vlan.inner_type);
  });
}

void put_encapsulated_mask(netlink::MessageBuilder& builder, VlanMatch const& vlan) {
  // The kernel takes an empty nest in a mask for one that is not there.
  auto const put_nothing = [&] { builder.put_big_u16(OVS_KEY_ATTR_ETHERTYPE, 0); };
  builder.nest(OVS_KEY_ATTR_ENCAP, [&] {
    if (!vlan.inner_type) return put_nothing();
    builder.nest(OVS_KEY_ATTR_ENCAP, put_nothing)
        .put_big_u16(OVS_KEY_ATTR_VLAN, kTagPresent)
        .put_big_u16(OVS_KEY_ATTR_ETHERTYPE, kExact);
  });
}

void put_key(netlink::MessageBuilder& builder, FlowMatch const& match) {
  if (match.vlan) put_encapsulated_key(builder, *match.vlan);
  if (match.in_port != kAnyPort) builder.put_u32(OVS_KEY_ATTR_IN_PORT, static_cast<std::uint32_t>(match.in_port));
  put_macs(builder, masked(match.source), masked(match.destination));
  if (match.vlan) {
    auto const vid = static_cast<std::uint16_t>(match.vlan->id.value_or(0) & kVidMask);
    builder.put_big_u16(OVS_KEY_ATTR_VLAN, static_cast<std::uint16_t>(kTagPresent | vid));
    builder.put_big_u16(OVS_KEY_ATTR_ETHERTYPE, match.vlan->type);
  }
  if (match.tunnel) put_tunnel_match(builder, *match.tunnel);
  for (auto const& [key, mask] : match.other) builder.put(key.type, key.payload);
}

void put_mask(netlink::MessageBuilder& builder, FlowMatch const& match) {
  if (match.vlan) put_encapsulated_mask(builder, *match.vlan);
  if (match.in_port != kAnyPort) builder.put_u32(OVS_KEY_ATTR_IN_PORT, kExactPort);
  put_macs(builder, match.source.mask, match.destination.mask);
  if (match.vlan) {
    builder.put_big_u16(OVS_KEY_ATTR_VLAN, match.vlan->id ? kTagPresent | kVidMask : kTagPresent);
    builder.put_big_u16(OVS_KEY_ATTR_ETHERTYPE, kExact);
  }
  if (match.tunnel) put_tunnel_mask(builder);
  for (auto const& [key, mask] : match.other) builder.put(mask.type, mask.payload);
}

/// The attributes of a key or of a mask, by number.
class Level {
 public:
  [[nodiscard]] static Result<Level> parse(ByteView bytes) {
    auto attributes = netlink::parse_attributes(bytes);
    if (!attributes) return failure_of(attributes);
    return Level{std::move(*attributes)};
  }
  [[nodiscard]] std::vector<netlink::Attribute> const& all() const { return all_; }
  [[nodiscard]] std::optional<ByteView> find(std::uint16_t type) const {
    auto const found = std::ranges::find(all_, type, &netlink::Attribute::type);
    return found == all_.end() ? std::nullopt : std::optional{found->payload};
  }
  [[nodiscard]] std::optional<std::uint16_t> big_u16(std::uint16_t type) const {
    auto const payload = find(type);
    return payload && payload->size() >= 2 ? std::optional{load_u16(*payload, 0)} : std::nullopt;
  }

 private:
  explicit Level(std::vector<netlink::Attribute> all) : all_{std::move(all)} {}

  std::vector<netlink::Attribute> all_;
};

bool is_tag_type(std::optional<std::uint16_t> type) { return type == 0x8100 || type == 0x88a8; }

bool nothing_counts(ByteView mask) {
  return std::ranges::all_of(mask, [](std::uint8_t byte) { return byte == 0; });
}

bool nothing_counts(Level const& mask) {
  return std::ranges::all_of(mask.all(), [](auto const& attribute) {
    return attribute.type != OVS_KEY_ATTR_ENCAP && nothing_counts(attribute.payload);
  });
}

std::optional<Level> nest_in(Level const& level) {
  auto const nest = level.find(OVS_KEY_ATTR_ENCAP);
  if (!nest) return std::nullopt;
  auto parsed = Level::parse(*nest);
  return parsed ? std::optional{std::move(*parsed)} : std::nullopt;
}

/// One tag: present in the key, of a type that counts entirely, with control bits of which only those in `vid` count.
struct Tag {
  std::uint16_t type = 0;
  std::uint16_t control = 0;
  bool vid = false;
};
std::optional<Tag> read_tag(Level const& key, Level const& mask) {
  auto const type = key.big_u16(OVS_KEY_ATTR_ETHERTYPE);
  auto const control = key.big_u16(OVS_KEY_ATTR_VLAN);
  auto const control_mask = mask.big_u16(OVS_KEY_ATTR_VLAN);
  if (!is_tag_type(type) || mask.big_u16(OVS_KEY_ATTR_ETHERTYPE) != kExact || !control || !control_mask) return {};
  if ((*control & kTagPresent) == 0) return {};
  if (*control_mask != kTagPresent && *control_mask != (kTagPresent | kVidMask)) return {};
  return Tag{*type, *control, *control_mask != kTagPresent};
}

/// None when the tags are matched in a way that we have no words for.
std::optional<VlanMatch> read_vlan(Level const& key, Level const& mask) {
  auto const outer = read_tag(key, mask);
  auto const inner_key = nest_in(key);
  auto const inner_mask = nest_in(mask);
  if (!outer || !inner_key || !inner_mask) return {};
  VlanMatch vlan{.type = outer->type};
  if (outer->vid) vlan.id = static_cast<std::uint16_t>(outer->control & kVidMask);
  if (nothing_counts(*inner_mask)) return vlan;
  auto const inner = read_tag(*inner_key, *inner_mask);
  auto const innermost = nest_in(*inner_mask);
  if (!inner || inner->vid || !innermost || !nothing_counts(*innermost)) return {};
  auto const only_tag = std::ranges::all_of(inner_mask->all(), [](auto const& attribute) {
    return attribute.type == OVS_KEY_ATTR_ENCAP || attribute.type == OVS_KEY_ATTR_VLAN ||
           attribute.type == OVS_KEY_ATTR_ETHERTYPE || nothing_counts(attribute.payload);
  });
  if (!only_tag) return {};
  vlan.inner_type = inner->type;
  return vlan;
}

/// How many levels of nests there can be in an attribute of a key.
int depth_of(std::uint16_t type) {
  constexpr int kTags = 2;
  if (type == OVS_KEY_ATTR_ENCAP) return kTags;
  return type == OVS_KEY_ATTR_TUNNEL ? 1 : 0;
}

/// Turns a key into the mask with which all of it counts.
Result<void> fill(MutableBytes key, int depth) {
  if (depth == 0) {
    std::ranges::fill(key, std::uint8_t{0xff});
    return {};
  }
  auto const attributes = netlink::parse_attributes(key);
  if (!attributes) return failure_of(attributes);
  for (auto const& [type, payload] : *attributes) {
    auto const offset = static_cast<std::size_t>(payload.data() - key.data());
    auto const inner_depth = type == OVS_KEY_ATTR_ENCAP ? depth - 1 : 0;
    if (auto const filled = fill(key.subspan(offset, payload.size()), inner_depth); !filled) return filled;
  }
  return {};
}

RawAttribute raw(std::uint16_t type, ByteView payload) {
  return {.type = type, .payload = Bytes(payload.begin(), payload.end())};
}

MaskedMac read_mac(ByteView key, ByteView mask, std::size_t offset) {
  std::array<std::uint8_t, 6> value{};
  std::array<std::uint8_t, 6> bits{};
  std::copy_n(key.begin() + static_cast<std::ptrdiff_t>(offset), value.size(), value.begin());
  std::copy_n(mask.begin() + static_cast<std::ptrdiff_t>(offset), bits.size(), bits.begin());
  MaskedMac const mac{MacAddress{value}, MacAddress{bits}};
  return {masked(mac), mac.mask};
}

/// Turns key and mask, attribute by attribute, into a match. Without a mask all of the key counts.
class MatchReader {
 public:
  MatchReader(Level const& key, Level const* mask) : key_{key}, mask_{mask} { match_.in_port = kAnyPort; }

  [[nodiscard]] Result<FlowMatch> read() {
    if (mask_ != nullptr) match_.vlan = read_vlan(key_, *mask_);
    for (auto const& attribute : mask_ != nullptr ? mask_->all() : key_.all()) {
      auto const key = key_.find(attribute.type).value_or(ByteView{});
      auto const done =
          mask_ != nullptr ? read_one(attribute.type, key, attribute.payload) : read_exact(attribute.type, key);
      if (!done) return failure_of(done);
    }
    return std::move(match_);
  }

 private:
  [[nodiscard]] Result<void> read_exact(std::uint16_t type, ByteView key) {
    Bytes mask(key.begin(), key.end());
    if (auto const filled = fill(mask, depth_of(type)); !filled) return filled;
    return read_one(type, key, mask);
  }

  [[nodiscard]] Result<void> read_one(std::uint16_t type, ByteView key, ByteView mask) {
    switch (type) {
      case OVS_KEY_ATTR_IN_PORT: return read_port(key, mask);
      case OVS_KEY_ATTR_ETHERNET: return read_macs(key, mask);
      case OVS_KEY_ATTR_TUNNEL: return read_tunnel(key, mask);
      case OVS_KEY_ATTR_ENCAP:
      case OVS_KEY_ATTR_VLAN:
      case OVS_KEY_ATTR_ETHERTYPE:
        if (!match_.vlan) keep(type, key, mask);
        return {};
      default: keep(type, key, mask); return {};
    }
  }

  [[nodiscard]] Result<void> read_port(ByteView key, ByteView mask) {
    auto const bits = netlink::read_number<std::uint32_t>(mask);
    if (!bits) return failure_of(bits);
    // The kernel has a 16 bit field and fills up: anything but all ones does not count.
    if (*bits != kExactPort) return {};
    auto const port = netlink::read_number<std::uint32_t>(key);
    if (!port) return failure_of(port);
    match_.in_port = PortNo{*port};
    return {};
  }

  [[nodiscard]] Result<void> read_macs(ByteView key, ByteView mask) {
    if (nothing_counts(mask)) return {};
    if (key.size() < kMacPair || mask.size() < kMacPair) {
      return failure(ErrorKind::malformed, "Ethernet key is too short");
    }
    match_.source = read_mac(key, mask, 0);
    match_.destination = read_mac(key, mask, 6);
    return {};
  }

  [[nodiscard]] Result<void> read_tunnel(ByteView key, ByteView mask) {
    auto const bits = decode_tunnel_mask(mask);
    if (!bits) return failure_of(bits);
    if (bits->empty) return {};
    auto const tunnel = decode_tunnel(key);
    if (!tunnel) return failure_of(tunnel);
    if (bits->exact) {
      match_.tunnel = TunnelMatch{tunnel->key.id, tunnel->key.source, tunnel->key.destination};
    } else {
      keep(OVS_KEY_ATTR_TUNNEL, key, mask);
    }
    return {};
  }

  void keep(std::uint16_t type, ByteView key, ByteView mask) {
    if (!nothing_counts(mask)) match_.other.emplace_back(raw(type, key), raw(type, mask));
  }

  Level const& key_;
  Level const* mask_;
  FlowMatch match_;
};

} // namespace

void put_match(netlink::MessageBuilder& builder, FlowMatch const& match) {
  builder.nest(OVS_FLOW_ATTR_KEY, [&] { put_key(builder, match); });
  builder.nest(OVS_FLOW_ATTR_MASK, [&] { put_mask(builder, match); });
}

Result<FlowMatch> decode_match(ByteView key, std::optional<ByteView> mask) {
  auto const parsed_key = Level::parse(key);
  if (!parsed_key) return failure_of(parsed_key);
  if (!mask) return MatchReader{*parsed_key, nullptr}.read();
  auto const parsed_mask = Level::parse(*mask);
  if (!parsed_mask) return failure_of(parsed_mask);
  return MatchReader{*parsed_key, &*parsed_mask}.read();
}

} // namespace weave::datapath::odp
