#include "datapath/odp/action_codec.hpp"

#include <array>
#include <cstdint>
#include <linux/openvswitch.h>

#include "datapath/netlink/attributes.hpp"
#include "datapath/odp/tunnel_codec.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath::odp {

namespace {

/// Of a tag that is there; the kernel refuses to push one without.
constexpr std::uint16_t kTagPresent = 0x1000;
constexpr std::size_t kPushVlanSize = 4;

/// Appends one action.
struct ActionWriter {
  netlink::MessageBuilder& builder;

  void operator()(OutputAction const& output) const {
    builder.put_u32(OVS_ACTION_ATTR_OUTPUT, static_cast<std::uint32_t>(output.port));
  }
  void operator()(SetTunnelAction const& set) const {
    builder.nest(OVS_ACTION_ATTR_SET, [&] { put_tunnel(builder, set.tunnel); });
  }
  void operator()(PushVlanAction const& push) const {
    std::array<std::uint8_t, kPushVlanSize> wire{};
    store_u16(wire, 0, push.type);
    store_u16(wire, 2, push.tci | kTagPresent);
    builder.put(OVS_ACTION_ATTR_PUSH_VLAN, wire);
  }
  void operator()(PopVlanAction const&) const { builder.put_flag(OVS_ACTION_ATTR_POP_VLAN); }
  void operator()(RawAttribute const& raw) const { builder.put(raw.type, raw.payload); }
};

/// The tunnel of a set action that sets all of one and nothing else. Linux 4.3 leaves the inner nest away when it tells
/// actions, known by several attributes where there can be only one.
Result<std::optional<TunnelKey>> decode_set(ByteView payload) {
  auto const attributes = netlink::parse_attributes(payload);
  if (!attributes) return failure_of(attributes);
  auto nest = payload;
  if (attributes->size() == 1) {
    if (attributes->front().type != OVS_KEY_ATTR_TUNNEL) return std::nullopt;
    nest = attributes->front().payload;
  }
  auto const tunnel = decode_tunnel(nest);
  if (!tunnel) return failure_of(tunnel);
  return tunnel->complete ? std::optional{tunnel->key} : std::nullopt;
}

Action keep(netlink::Attribute const& attribute) {
  return RawAttribute{.type = attribute.type, .payload = Bytes(attribute.payload.begin(), attribute.payload.end())};
}

Result<Action> decode_action(netlink::Attribute const& attribute) {
  auto const payload = attribute.payload;
  switch (attribute.type) {
    case OVS_ACTION_ATTR_OUTPUT: {
      auto const port = netlink::read_number<std::uint32_t>(payload);
      if (!port) return failure_of(port);
      return OutputAction{PortNo{*port}};
    }
    case OVS_ACTION_ATTR_SET: {
      auto const tunnel = decode_set(payload);
      if (!tunnel) return failure_of(tunnel);
      return *tunnel ? SetTunnelAction{**tunnel} : keep(attribute);
    }
    case OVS_ACTION_ATTR_PUSH_VLAN:
      if (payload.size() < kPushVlanSize) return failure(ErrorKind::malformed, "push_vlan is too short");
      return PushVlanAction{.type = load_u16(payload, 0),
                            .tci = static_cast<std::uint16_t>(load_u16(payload, 2) & ~kTagPresent)};
    case OVS_ACTION_ATTR_POP_VLAN: return PopVlanAction{};
    default: return keep(attribute);
  }
}

} // namespace

void put_actions(netlink::MessageBuilder& builder, std::uint16_t attribute, Actions const& actions) {
  builder.nest(attribute, [&] {
    for (auto const& action : actions) std::visit(ActionWriter{builder}, action);
  });
}

Result<Actions> decode_actions(ByteView nest) {
  Actions actions;
  netlink::AttributeCursor cursor{nest};
  for (;;) {
    auto const attribute = cursor.next();
    if (!attribute) return failure_of(attribute);
    if (!*attribute) return actions;
    auto action = decode_action(**attribute);
    if (!action) return failure_of(action);
    actions.push_back(std::move(*action));
  }
}

} // namespace weave::datapath::odp
