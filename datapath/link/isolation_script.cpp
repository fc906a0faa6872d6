#include "datapath/link/isolation_script.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weave::datapath {
namespace {

std::string suffix_of(Ipv4Cidr subnet) { return fmt::format("{}_{}", subnet.address.to_string(), subnet.prefix); }

std::string macs_of(IsolatedNetwork const& network) {
  return fmt::format("{}-{}", network.first_mac.to_string(), network.last_mac.to_string());
}

/// What containers of one network may say to each other.
std::string inner_rules(Ipv4Cidr subnet) {
  return fmt::format(
      "    ip saddr {0} ip daddr {{ {0}, 224.0.0.0/4, 255.255.255.255 }} accept\n"
      "    arp saddr ip {0} arp daddr ip {0} accept\n"
      "    drop\n",
      subnet.to_string());
}

std::string network_chains(Ipv4Cidr subnet, IsolatedNetwork const& network) {
  return fmt::format(
      "  chain from_{0} {{\n"
      "    ether saddr != {1} ether saddr @macs drop\n"
      "{2}"
      "  }}\n"
      "  chain to_{0} {{\n"
      "{2}"
      "  }}\n",
      suffix_of(subnet), macs_of(network), inner_rules(subnet));
}

std::vector<std::string> verdicts(IsolatedNetworks const& networks, std::string_view direction) {
  std::vector<std::string> all;
  for (auto const& [subnet, network] : networks) {
    for (auto const& port : network.ports) {
      all.push_back(fmt::format("\"{}\" : goto {}_{}", port, direction, suffix_of(subnet)));
    }
  }
  return all;
}

std::string elements(std::vector<std::string> const& all) {
  return all.empty() ? std::string{} : fmt::format(" elements = {{ {} }}", fmt::join(all, ", "));
}

std::string sets(IsolatedNetworks const& networks) {
  std::vector<std::string> subnets;
  std::vector<std::string> macs;
  for (auto const& [subnet, network] : networks) {
    subnets.push_back(subnet.to_string());
    macs.push_back(macs_of(network));
  }
  return fmt::format(
      "  set subnets {{ type ipv4_addr; flags interval;{} }}\n"
      "  set macs {{ type ether_addr; flags interval;{} }}\n"
      "  map from {{ type ifname : verdict;{} }}\n"
      "  map to {{ type ifname : verdict;{} }}\n",
      elements(subnets), elements(macs), elements(verdicts(networks, "from")), elements(verdicts(networks, "to")));
}

constexpr std::string_view kOtherChains = R"(  chain others {
    ip saddr @subnets drop
    ip daddr @subnets drop
    arp saddr ip @subnets drop
    arp daddr ip @subnets drop
  }
  chain from_others {
    ether saddr @macs drop
    goto others
  }
  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname vmap @from
    iifname "vethwl*" goto from_others
    iifname "vethwepl*" goto from_others
  }
  chain postrouting {
    type filter hook postrouting priority 300; policy accept;
    oifname vmap @to
    oifname "vethwl*" goto others
    oifname "vethwepl*" goto others
  }
)";

/// The ports of `here` that are not in `there`, in both directions.
std::string port_commands(std::string_view verb, Ipv4Cidr subnet, std::set<std::string> const& here,
                          std::set<std::string> const& there) {
  IsolatedNetworks only;
  std::ranges::set_difference(here, there, std::inserter(only[subnet].ports, only[subnet].ports.end()));
  if (only[subnet].ports.empty()) return {};
  return fmt::format("{0} element bridge {1} from {{ {2} }}\n{0} element bridge {1} to {{ {3} }}\n", verb,
                     kIsolationTable, fmt::join(verdicts(only, "from"), ", "), fmt::join(verdicts(only, "to"), ", "));
}

} // namespace

std::string isolation_script(IsolatedNetworks const& networks) {
  // Deleting what may not be there fails; what has just been added is there.
  auto script = fmt::format("add table bridge {0}\ndelete table bridge {0}\ntable bridge {0} {{\n{1}", kIsolationTable,
                            sets(networks));
  for (auto const& [subnet, network] : networks) script += network_chains(subnet, network);
  return script.append(kOtherChains).append("}\n");
}

std::optional<std::string> isolation_changes(IsolatedNetworks const& before, IsolatedNetworks const& after) {
  auto const same_network = [](auto const& a, auto const& b) {
    return a.first == b.first && a.second.first_mac == b.second.first_mac && a.second.last_mac == b.second.last_mac;
  };
  if (!std::ranges::equal(before, after, same_network)) return std::nullopt;
  std::string commands;
  // All that go first: a port may move from one network to another.
  for (auto const& [subnet, network] : before) {
    commands += port_commands("delete", subnet, network.ports, after.at(subnet).ports);
  }
  for (auto const& [subnet, network] : after) {
    commands += port_commands("add", subnet, network.ports, before.at(subnet).ports);
  }
  return commands;
}

std::string isolation_listing() { return fmt::format("list table bridge {}\n", kIsolationTable); }

std::string isolation_removal() { return fmt::format("delete table bridge {}\n", kIsolationTable); }

} // namespace weave::datapath
