#include "datapath/link/overlay_table_script.hpp"

#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weave::datapath {
namespace {

/// Every rule has one, which is how they are counted.
constexpr std::string_view kComment = " comment \"";

template <class Range>
std::string set_of(std::string_view name, std::string_view type, Range const& elements) {
  if (elements.empty()) return {};
  return fmt::format("  set {} {{ type {}; elements = {{ {} }} }}\n", name, type, fmt::join(elements, ", "));
}

/// Sorted and once each: the kernel refuses doubles in a set with intervals.
std::set<std::string> texts_of(std::vector<Ipv4Cidr> const& ranges) {
  std::set<std::string> texts;
  for (auto const& each : ranges) texts.insert(each.to_string());
  return texts;
}

std::set<std::string> quoted_bridges(FirewallWish const& wish) {
  std::set<std::string> names;
  for (auto const& name : {wish.bridge, wish.docker_bridge}) {
    if (!name.empty()) names.insert(fmt::format("\"{}\"", name));
  }
  for (auto const& name : wish.container_bridges) names.insert(fmt::format("\"{}\"", name));
  return names;
}

std::string sets(FirewallWish const& wish) {
  return set_of("container_bridges", "ifname", quoted_bridges(wish)) +
         set_of("host_tcp_ports", "inet_service", wish.tcp_ports) +
         set_of("host_udp_ports", "inet_service", wish.udp_ports) +
         set_of("loopback_ports", "inet_service", wish.loopback_ports) +
         set_of("local_ranges", "ipv4_addr; flags interval; auto-merge", texts_of(wish.local_ranges));
}

std::string input_chain(FirewallWish const& wish) {
  std::string rules;
  for (auto const& [protocol, ports] : {std::pair{"tcp", &wish.tcp_ports}, std::pair{"udp", &wish.udp_ports}}) {
    if (ports->empty()) continue;
    rules += fmt::format(
        "    iifname @container_bridges {0} dport @host_{0}_ports drop comment \"for other hosts, not for "
        "containers\"\n",
        protocol);
  }
  if (!wish.loopback_ports.empty()) {
    rules +=
        "    iifname != \"lo\" ip daddr 127.0.0.0/8 tcp dport @loopback_ports drop comment \"control and status, for "
        "this host alone\"\n";
  }
  return rules;
}

std::string forward_chain(FirewallWish const& wish) {
  if (wish.docker_bridge.empty() || wish.docker_bridge == wish.bridge) return {};
  return fmt::format("    iifname \"{}\" oifname \"{}\" drop comment \"Docker's bridge does not reach the overlay\"\n",
                     wish.docker_bridge, wish.bridge);
}

std::string postrouting_chain(FirewallWish const& wish) {
  std::string rules;
  if (wish.keep_sources) {
    rules += fmt::format("    oifname \"{}\" return comment \"weave attach-bridge: sources are kept\"\n", wish.bridge);
  }
  if (!wish.local_ranges.empty()) {
    rules += "    ip daddr @local_ranges return comment \"no SNAT to containers of this host\"\n";
  }
  for (auto const& each : wish.exposures) {
    if (!each.masquerade) continue;
    rules += fmt::format(
        "    ip saddr {0} ip daddr 224.0.0.0/4 return comment \"multicast stays as it is\"\n"
        "    ip daddr {0} ip saddr != {0} masquerade comment \"weave expose: into it\"\n"
        "    ip saddr {0} ip daddr != {0} masquerade comment \"weave expose: out of it\"\n",
        each.address.network().to_string());
  }
  return rules;
}

std::string chain(std::string_view type, std::string_view hook, int priority, std::string_view rules) {
  if (rules.empty()) return {};
  return fmt::format("  chain {0} {{\n    type {1} hook {0} priority {2}; policy accept;\n{3}  }}\n", hook, type,
                     priority, rules);
}

constexpr int kBeforeFilters = -10;
constexpr int kAfterSourceNat = 101;

} // namespace

std::string overlay_table_script(FirewallWish const& wish, std::string_view table) {
  auto content = sets(wish);
  content += chain("filter", "input", kBeforeFilters, input_chain(wish));
  content += chain("filter", "forward", kBeforeFilters, forward_chain(wish));
  // Where nothing is masqueraded, the kernel shall not have to track connections because of us.
  if (wants_masquerading(wish)) content += chain("nat", "postrouting", kAfterSourceNat, postrouting_chain(wish));
  return fmt::format("{}table inet {} {{\n{}}}\n", overlay_table_removal(table), table, content);
}

std::string overlay_table_query() { return fmt::format("list table inet {}\n", kOverlayTable); }

std::string overlay_table_removal(std::string_view table) {
  // Deleting what may not be there fails; what has just been added is there.
  return fmt::format("add table inet {0}\ndelete table inet {0}\n", table);
}

std::size_t count_overlay_rules(std::string_view text) {
  std::size_t count = 0;
  for (auto at = text.find(kComment); at != std::string_view::npos; at = text.find(kComment, at + 1)) ++count;
  return count;
}

} // namespace weave::datapath
