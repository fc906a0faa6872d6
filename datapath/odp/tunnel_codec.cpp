#include "datapath/odp/tunnel_codec.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <linux/openvswitch.h>

#include "datapath/netlink/attributes.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath::odp {

namespace {

void put_ends(netlink::MessageBuilder& builder, std::uint64_t id, Ipv4Address source, Ipv4Address destination) {
  builder.put_big_u64(OVS_TUNNEL_KEY_ATTR_ID, id)
      .put_big_u32(OVS_TUNNEL_KEY_ATTR_IPV4_SRC, source.value())
      .put_big_u32(OVS_TUNNEL_KEY_ATTR_IPV4_DST, destination.value());
}

std::size_t least_size(std::uint16_t type) {
  switch (type) {
    case OVS_TUNNEL_KEY_ATTR_ID: return 8;
    case OVS_TUNNEL_KEY_ATTR_IPV4_SRC:
    case OVS_TUNNEL_KEY_ATTR_IPV4_DST: return 4;
    case OVS_TUNNEL_KEY_ATTR_TOS:
    case OVS_TUNNEL_KEY_ATTR_TTL: return 1;
    default: return 0;
  }
}

bool is_all(ByteView bytes, std::uint8_t value) {
  return std::ranges::all_of(bytes, [value](std::uint8_t byte) { return byte == value; });
}

/// Calls `on_attribute` for each but padding, with payloads long enough to be read.
template <class OnAttribute>
Result<void> for_each(ByteView nest, OnAttribute&& on_attribute) {
  netlink::AttributeCursor cursor{nest};
  for (;;) {
    auto const attribute = cursor.next();
    if (!attribute) return failure_of(attribute);
    if (!*attribute) return {};
    if ((*attribute)->payload.size() < least_size((*attribute)->type)) {
      return failure(ErrorKind::malformed, "tunnel attribute is too short");
    }
    if ((*attribute)->type != OVS_TUNNEL_KEY_ATTR_PAD) on_attribute(**attribute);
  }
}

} // namespace

void put_tunnel(netlink::MessageBuilder& builder, TunnelKey const& tunnel) {
  builder.nest(OVS_KEY_ATTR_TUNNEL, [&] {
    put_ends(builder, tunnel.id, tunnel.source, tunnel.destination);
    builder.put_u8(OVS_TUNNEL_KEY_ATTR_TOS, tunnel.tos).put_u8(OVS_TUNNEL_KEY_ATTR_TTL, tunnel.ttl);
    if (tunnel.dont_fragment) builder.put_flag(OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT);
    if (tunnel.checksum) builder.put_flag(OVS_TUNNEL_KEY_ATTR_CSUM);
  });
}

void put_tunnel_match(netlink::MessageBuilder& builder, TunnelMatch const& tunnel) {
  builder.nest(OVS_KEY_ATTR_TUNNEL, [&] {
    put_ends(builder, tunnel.id, tunnel.source, tunnel.destination);
    // The kernel insists on its presence.
    builder.put_u8(OVS_TUNNEL_KEY_ATTR_TTL, 0);
  });
}

void put_tunnel_mask(netlink::MessageBuilder& builder) {
  constexpr Ipv4Address kAll{std::numeric_limits<std::uint32_t>::max()};
  put_tunnel_match(builder, {std::numeric_limits<std::uint64_t>::max(), kAll, kAll});
}

Result<DecodedTunnel> decode_tunnel(ByteView nest) {
  DecodedTunnel tunnel;
  auto const read = for_each(nest, [&](netlink::Attribute const& attribute) {
    auto const payload = attribute.payload;
    switch (attribute.type) {
      case OVS_TUNNEL_KEY_ATTR_ID: tunnel.key.id = load_u64(payload, 0); break;
      case OVS_TUNNEL_KEY_ATTR_IPV4_SRC: tunnel.key.source = Ipv4Address{load_u32(payload, 0)}; break;
      case OVS_TUNNEL_KEY_ATTR_IPV4_DST: tunnel.key.destination = Ipv4Address{load_u32(payload, 0)}; break;
      case OVS_TUNNEL_KEY_ATTR_TOS: tunnel.key.tos = payload[0]; break;
      case OVS_TUNNEL_KEY_ATTR_TTL: tunnel.key.ttl = payload[0]; break;
      case OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT: tunnel.key.dont_fragment = true; break;
      case OVS_TUNNEL_KEY_ATTR_CSUM: tunnel.key.checksum = true; break;
      default: tunnel.complete = false;
    }
  });
  if (!read) return failure_of(read);
  return tunnel;
}

Result<DecodedTunnelMask> decode_tunnel_mask(ByteView nest) {
  bool id = false;
  bool source = false;
  bool destination = false;
  bool more = false;
  auto const read = for_each(nest, [&](netlink::Attribute const& attribute) {
    auto const is_flag = attribute.payload.empty();
    auto const is_exact = !is_flag && is_all(attribute.payload, 0xff);
    switch (attribute.type) {
      case OVS_TUNNEL_KEY_ATTR_ID: id = is_exact; break;
      case OVS_TUNNEL_KEY_ATTR_IPV4_SRC: source = is_exact; break;
      case OVS_TUNNEL_KEY_ATTR_IPV4_DST: destination = is_exact; break;
      default: more = more || is_flag || !is_all(attribute.payload, 0);
    }
    if (!is_exact && !is_flag && !is_all(attribute.payload, 0)) more = true;
  });
  if (!read) return failure_of(read);
  return DecodedTunnelMask{.empty = !id && !source && !destination && !more,
                           .exact = id && source && destination && !more};
}

} // namespace weave::datapath::odp
