#include "datapath/odp/format.hpp"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.hpp"

namespace weave::datapath::odp {
namespace {

constexpr std::uint16_t kVidMask = 0x0fff;

std::string label(PortNo port, PortLabels const& labels) {
  auto const found = labels.find(port);
  if (found != labels.end()) return found->second;
  return fmt::format("{}", static_cast<std::uint32_t>(port));
}

std::string text_of(TunnelMatch const& tunnel) {
  return fmt::format("tunnel(tun_id={:#x},src={},dst={},flags(+key))", tunnel.id, tunnel.source.to_string(),
                     tunnel.destination.to_string());
}

void add_mac(std::vector<std::string>& parts, char const* name, MaskedMac const& mac) {
  if (mac.mask.is_zero()) return;
  auto text = fmt::format("{}={}", name, mac.value.to_string());
  if (mac != MaskedMac::exactly(mac.value)) text += '/' + mac.mask.to_string();
  parts.push_back(std::move(text));
}

std::string ethernet(FlowMatch const& match) {
  std::vector<std::string> parts;
  add_mac(parts, "src", match.source);
  add_mac(parts, "dst", match.destination);
  return fmt::format("eth({})", fmt::join(parts, ","));
}

std::string vlan(VlanMatch const& tags) {
  auto const id = tags.id ? fmt::format("vid={}", *tags.id) : std::string{};
  auto const inner = tags.inner_type ? fmt::format("eth_type({:#06x}),vlan(),encap()", *tags.inner_type) : "";
  return fmt::format("eth_type({:#06x}),vlan({}),encap({})", tags.type, id, inner);
}

struct ActionText {
  PortLabels const& labels;
  RawWords const& words;

  std::string operator()(OutputAction const& output) const { return label(output.port, labels); }
  std::string operator()(SetTunnelAction const& set) const {
    auto const& tunnel = set.tunnel;
    auto const tos = tunnel.tos != 0 ? fmt::format("tos={:#x},", tunnel.tos) : std::string{};
    return fmt::format("set(tunnel(tun_id={:#x},src={},dst={},{}ttl={},flags({}{}key)))", tunnel.id,
                       tunnel.source.to_string(), tunnel.destination.to_string(), tos, tunnel.ttl,
                       tunnel.dont_fragment ? "df|" : "", tunnel.checksum ? "csum|" : "");
  }
  std::string operator()(PushVlanAction const& push) const {
    auto const type = push.type != 0x8100 ? fmt::format("tpid={:#06x},", push.type) : std::string{};
    return fmt::format("push_vlan({}vid={},pcp={})", type, push.tci & kVidMask, push.tci >> 13);
  }
  std::string operator()(PopVlanAction const&) const { return "pop_vlan"; }
  std::string operator()(RawAttribute const& raw) const {
    if (words.action) return words.action(raw);
    return fmt::format("action{}({})", raw.type, to_hex(raw.payload));
  }
};

} // namespace

std::string to_string(FlowMatch const& match, PortLabels const& labels, RawWords const& words) {
  std::vector<std::string> parts;
  if (match.tunnel) parts.push_back(text_of(*match.tunnel));
  if (match.in_port != kAnyPort) parts.push_back(fmt::format("in_port({})", label(match.in_port, labels)));
  parts.push_back(ethernet(match));
  if (match.vlan) parts.push_back(vlan(*match.vlan));
  for (auto const& [key, mask] : match.other) {
    parts.push_back(words.match ? words.match(key, mask)
                                : fmt::format("key{}({}/{})", key.type, to_hex(key.payload), to_hex(mask.payload)));
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

std::string to_string(Actions const& actions, PortLabels const& labels, RawWords const& words) {
  if (actions.empty()) return "drop";
  std::vector<std::string> parts;
  for (auto const& action : actions) parts.push_back(std::visit(ActionText{labels, words}, action));
  return fmt::format("{}", fmt::join(parts, ","));
}

} // namespace weave::datapath::odp
