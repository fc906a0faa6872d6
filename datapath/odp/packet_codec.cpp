#include "datapath/odp/packet_codec.hpp"

#include <linux/openvswitch.h>

#include "datapath/netlink/attributes.hpp"
#include "datapath/odp/action_codec.hpp"
#include "datapath/odp/tunnel_codec.hpp"

namespace weave::datapath::odp {

Result<Bytes> encode_execute(std::uint16_t family, DatapathIndex datapath, ByteView packet, Actions const& actions) {
  auto builder = begin_ovs(family, OVS_PACKET_CMD_EXECUTE, OVS_PACKET_VERSION, datapath);
  builder.put(OVS_PACKET_ATTR_PACKET, packet);
  // Empty: the kernel reads the packet itself. It insists on its presence.
  builder.nest(OVS_PACKET_ATTR_KEY, [] {});
  put_actions(builder, OVS_PACKET_ATTR_ACTIONS, actions);
  return builder.take();
}

Result<Upcall> decode_upcall(OvsMessage const& message) {
  if (message.command != OVS_PACKET_CMD_MISS) return failure(ErrorKind::not_found, "not a packet without a flow");
  auto const fields = netlink::AttributeTable<OVS_PACKET_ATTR_KEY + 1>::parse(message.attributes);
  if (!fields) return failure_of(fields);
  auto const packet = fields->find(OVS_PACKET_ATTR_PACKET);
  auto const key = fields->find(OVS_PACKET_ATTR_KEY);
  if (!packet || !key) return failure(ErrorKind::malformed, "upcall without packet or key");
  auto const keys = netlink::AttributeTable<OVS_KEY_ATTR_TUNNEL + 1>::parse(*key);
  if (!keys) return failure_of(keys);
  auto const port = keys->number<std::uint32_t>(OVS_KEY_ATTR_IN_PORT);
  if (!port) return failure(ErrorKind::malformed, "upcall without a port");
  Upcall upcall{.in_port = PortNo{*port}, .packet = *packet};
  if (auto const nest = keys->find(OVS_KEY_ATTR_TUNNEL)) {
    auto const tunnel = decode_tunnel(*nest);
    if (!tunnel) return failure_of(tunnel);
    upcall.tunnel = tunnel->key;
  }
  return upcall;
}

} // namespace weave::datapath::odp
