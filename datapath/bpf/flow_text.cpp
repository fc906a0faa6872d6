#include "datapath/bpf/flow_text.hpp"

#include <iterator>

#include <fmt/format.h>

#include "datapath/tunnel/tunnel_id.hpp"

namespace weave::datapath::bpf {

namespace {

constexpr std::size_t kMacsShown = 4;

class Describer {
 public:
  explicit Describer(FlowSource const& source) : source_{source} {}

  std::vector<FlowDescription> all() {
    for (auto const& [id, route] : source_.entries.routes) {
      if (id == source_.own) continue;
      if (route.known) received(id);
      if (route.hop) sent(id, *route.hop);
    }
    broadcast();
    return std::move(flows_);
  }

 private:
  [[nodiscard]] PeerCounters counters(ShortId id) const {
    auto const found = source_.counters.find(id);
    return found == source_.counters.end() ? PeerCounters{} : found->second;
  }

  /// `set(tunnel(…)),vxlan-6784` and so on, for a frame from `origin` (all others if absent) to `destination`.
  [[nodiscard]] std::string send(ShortId neighbour, std::optional<ShortId> origin, ShortId destination) const {
    auto const found = source_.entries.neighbours.find(neighbour);
    if (found == source_.entries.neighbours.end()) return "drop";
    auto const& entry = found->second;
    if (entry.carrier == Carrier::user) return to_user(origin, destination);
    if (entry.carrier == Carrier::none) return "drop";
    std::string const id =
        origin ? fmt::format("tun_id={:#x},", TunnelId{.source = *origin, .destination = destination}.vni()) : "";
    return fmt::format("set(tunnel({}src={},dst={},ttl=64,flags(df))),{}", id, Ipv4Address{entry.local}.to_string(),
                       Ipv4Address{entry.remote}.to_string(), source_.device_name(entry.ifindex));
  }

  [[nodiscard]] std::string to_user(std::optional<ShortId> origin, ShortId destination) const {
    auto const inner = fmt::format("push_vlan(vid={},pcp=0)", static_cast<unsigned>(destination));
    if (origin == source_.own) return fmt::format("{},{}", inner, source_.user_port);
    return fmt::format("{},push_vlan(tpid=0x88a8,vid=source),{}", inner, source_.user_port);
  }

  [[nodiscard]] std::string onward(ShortId origin) const {
    auto const found = source_.entries.floods.find(origin);
    if (found == source_.entries.floods.end()) return {};
    std::string actions;
    for (auto const neighbour : found->second) actions += "," + send(neighbour, origin, neighbour);
    return actions;
  }

  [[nodiscard]] std::string addresses(ShortId id) const {
    auto const found = source_.macs.find(id);
    if (found == source_.macs.end()) return "none";
    std::string text;
    for (std::size_t i = 0; i < found->second.size(); ++i) {
      if (i == kMacsShown) return fmt::format("{}|+{}", text, found->second.size() - i);
      if (i > 0) text += '|';
      text += found->second[i].to_string();
    }
    return text;
  }

  void received(ShortId id) {
    auto const count = counters(id);
    if (count.received_packets == 0 && !source_.entries.floods.contains(id) && !source_.macs.contains(id)) return;
    auto const vni = TunnelId{.source = id, .destination = source_.own}.vni();
    flows_.push_back({.match = fmt::format("tunnel(tun_id={:#x}),eth()", vni),
                      .actions = source_.bridge,
                      .packets = count.received_packets,
                      .bytes = count.received_bytes});
    if (auto const more = onward(id); !more.empty()) {
      flows_.push_back({.match = fmt::format("tunnel(tun_id={:#x}),eth(dst=01:00:00:00:00:00/01:00:00:00:00:00)", vni),
                        .actions = source_.bridge + more});
    }
  }

  void sent(ShortId id, ShortId hop) {
    auto const count = counters(id);
    flows_.push_back({.match = fmt::format("in_port({}),eth(dst={})", source_.bridge, addresses(id)),
                      .actions = send(hop, source_.own, id),
                      .packets = count.sent_packets,
                      .bytes = count.sent_bytes});
    if (count.relayed_packets == 0) return;
    auto const vni = TunnelId{.source = {}, .destination = id}.vni();
    flows_.push_back({.match = fmt::format("tunnel(tun_id={:#x}/0xfff000),eth()", vni),
                      .actions = send(hop, std::nullopt, id),
                      .packets = count.relayed_packets,
                      .bytes = count.relayed_bytes});
  }

  void broadcast() {
    auto actions = onward(source_.own);
    if (!actions.empty()) actions.erase(0, 1);
    flows_.push_back({.match = fmt::format("in_port({}),eth(dst=01:00:00:00:00:00/01:00:00:00:00:00)", source_.bridge),
                      .actions = actions.empty() ? "drop" : actions,
                      .packets = source_.flooded_packets,
                      .bytes = source_.flooded_bytes});
  }

  FlowSource const& source_;
  std::vector<FlowDescription> flows_;
};

} // namespace

std::vector<FlowDescription> describe_flows(FlowSource const& source) { return Describer{source}.all(); }

} // namespace weave::datapath::bpf
