#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/netlink/message_builder.hpp"
#include "datapath/odp/types.hpp"

/// The nest OVS_KEY_ATTR_TUNNEL, which keys, masks and set actions hold (protocol/datapath.md §6).
namespace weave::datapath::odp {

/// As a set action takes it.
void put_tunnel(netlink::MessageBuilder& builder, TunnelKey const& tunnel);
/// As a key and as its mask.
void put_tunnel_match(netlink::MessageBuilder& builder, TunnelMatch const& tunnel);
void put_tunnel_mask(netlink::MessageBuilder& builder);

struct DecodedTunnel {
  TunnelKey key;
  /// It has nothing beyond what `key` holds.
  bool complete = true;
};
[[nodiscard]] Result<DecodedTunnel> decode_tunnel(ByteView nest);

struct DecodedTunnelMask {
  /// Nothing of the tunnel counts.
  bool empty = true;
  /// Id and both addresses count entirely, and nothing else does.
  bool exact = false;
};
[[nodiscard]] Result<DecodedTunnelMask> decode_tunnel_mask(ByteView nest);

} // namespace weave::datapath::odp
