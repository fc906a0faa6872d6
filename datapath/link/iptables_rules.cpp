#include "datapath/link/iptables_rules.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

namespace weave::datapath {
namespace {

/// A chain of ours, and the chain of the kernel from which it is reached (none: from another one of ours).
struct OwnChain {
  std::string_view table;
  std::string_view name;
  std::string_view entry;
};
constexpr std::array kChains{OwnChain{"filter", "WEAVE-FORWARD", "FORWARD"}, OwnChain{"filter", "WEAVE-EXPOSE", ""},
                             OwnChain{"filter", "WEAVE-INPUT", "INPUT"}, OwnChain{"nat", "WEAVE", "POSTROUTING"}};
constexpr std::array<std::string_view, 2> kTables{"filter", "nat"};

std::string jump_to(OwnChain const& chain) { return fmt::format("-A {} -j {}", chain.entry, chain.name); }

/// Calls for each line, with the table that it is in.
template <class Visit>
void each_line(std::string_view saved, Visit visit) {
  std::string_view table;
  while (!saved.empty()) {
    auto const line = saved.substr(0, saved.find('\n'));
    saved.remove_prefix(std::min(saved.size(), line.size() + 1));
    if (line.starts_with('*')) table = line.substr(1);
    visit(table, line);
  }
}

std::size_t count_lines(std::string_view saved, std::string_view table, std::string_view wanted) {
  std::size_t count = 0;
  each_line(saved, [&](std::string_view in, std::string_view line) {
    if (in == table && line == wanted) ++count;
  });
  return count;
}

bool is_own_rule(std::string_view table, std::string_view line) {
  return std::ranges::any_of(kChains, [&](OwnChain const& chain) {
    return chain.table == table && line.starts_with(fmt::format("-A {} ", chain.name));
  });
}

bool jumps_to_ours(std::string_view table, std::string_view line) {
  return line.starts_with("-A ") && std::ranges::any_of(kChains, [&](OwnChain const& chain) {
           return chain.table == table && line.ends_with(fmt::format(" -j {}", chain.name));
         });
}

bool has_chain(std::string_view saved, OwnChain const& chain) {
  bool found = false;
  each_line(saved, [&](std::string_view table, std::string_view line) {
    found |= table == chain.table && line.starts_with(fmt::format(":{} ", chain.name));
  });
  return found;
}

std::string forward_drops(FirewallWish const& wish) {
  if (wish.docker_bridge.empty() || wish.docker_bridge == wish.bridge) return {};
  return fmt::format("-A WEAVE-FORWARD -i {} -o {} -j DROP\n", wish.docker_bridge, wish.bridge);
}

std::string forward_accepts(FirewallWish const& wish) {
  auto const& bridge = wish.bridge;
  auto rules = fmt::format(
      "-A WEAVE-FORWARD -i {0} -o {0} -j ACCEPT\n"
      "-A WEAVE-FORWARD -o {0} -j WEAVE-EXPOSE\n"
      "-A WEAVE-FORWARD -i {0} ! -o {0} -j ACCEPT\n",
      bridge);
  if (!wish.exposures.empty()) {
    rules += fmt::format("-A WEAVE-FORWARD -o {} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n", bridge);
  }
  for (auto const& each : wish.exposures) {
    rules += fmt::format("-A WEAVE-EXPOSE -d {} -j ACCEPT\n", each.address.network().to_string());
  }
  return rules;
}

std::string input_drops(FirewallWish const& wish) {
  std::string rules;
  std::set<std::string_view> bridges{wish.docker_bridge, wish.bridge};
  bridges.insert(wish.container_bridges.begin(), wish.container_bridges.end());
  for (auto const from : bridges) {
    if (from.empty()) continue;
    for (auto const port : wish.tcp_ports) {
      rules += fmt::format("-A WEAVE-INPUT -i {} -p tcp -m tcp --dport {} -j DROP\n", from, port);
    }
    for (auto const port : wish.udp_ports) {
      rules += fmt::format("-A WEAVE-INPUT -i {} -p udp -m udp --dport {} -j DROP\n", from, port);
    }
  }
  for (auto const port : wish.loopback_ports) {
    rules += fmt::format("-A WEAVE-INPUT -d 127.0.0.0/8 ! -i lo -p tcp -m tcp --dport {} -j DROP\n", port);
  }
  return rules;
}

std::string input_accepts(FirewallWish const& wish) {
  std::string rules;
  if (wish.names && !wish.docker_bridge.empty()) {
    for (auto const* protocol : {"udp", "tcp"}) {
      rules += fmt::format("-A WEAVE-INPUT -i {0} -p {1} -m {1} --dport 53 -j ACCEPT\n", wish.docker_bridge, protocol);
    }
  }
  return rules;
}

std::string nat_rules(FirewallWish const& wish) {
  std::string rules;
  if (!wish.local_set.empty()) {
    rules += fmt::format(
        "-A WEAVE -m set --match-set {} dst -m comment --comment \"Prevent SNAT to locally running containers\" "
        "-j RETURN\n",
        wish.local_set);
  }
  for (auto const& each : wish.exposures) {
    if (!each.masquerade) continue;
    rules += fmt::format(
        "-A WEAVE -s {0} -d 224.0.0.0/4 -j RETURN\n"
        "-A WEAVE -d {0} ! -s {0} -j MASQUERADE\n"
        "-A WEAVE -s {0} ! -d {0} -j MASQUERADE\n",
        each.address.network().to_string());
  }
  return rules;
}

/// A chain that is named is emptied.
std::string table_script(std::string_view table, std::string_view rules, std::string_view saved) {
  auto script = fmt::format("*{}\n", table);
  for (auto const& chain : kChains) {
    if (chain.table == table) script += fmt::format(":{} - [0:0]\n", chain.name);
  }
  script += rules;
  for (auto const& chain : kChains) {
    if (chain.table != table || chain.entry.empty() || count_lines(saved, table, jump_to(chain)) > 0) continue;
    // Before Docker's rules; the order of nat rules that are not ours is none of our business.
    script += fmt::format("{} {} -j {}\n", table == "filter" ? "-I" : "-A", chain.entry, chain.name);
  }
  return script + "COMMIT\n";
}

std::string table_removal(std::string_view table, std::string_view saved) {
  std::string script;
  each_line(saved, [&](std::string_view in, std::string_view line) {
    // What is in our chains goes with them.
    if (in == table && !is_own_rule(table, line) && jumps_to_ours(table, line)) {
      script += fmt::format("-D{}\n", line.substr(2));
    }
  });
  for (auto const* verb : {"-F", "-X"}) {
    for (auto const& chain : kChains) {
      if (chain.table == table && has_chain(saved, chain)) script += fmt::format("{} {}\n", verb, chain.name);
    }
  }
  return script.empty() ? script : fmt::format("*{}\n{}COMMIT\n", table, script);
}

std::size_t count_own_rules(std::string_view text) {
  std::size_t count = 0;
  each_line(text, [&](std::string_view table, std::string_view line) { count += is_own_rule(table, line) ? 1 : 0; });
  return count;
}

} // namespace

std::string iptables_script(FirewallWish const& wish, std::string_view saved, IptablesShare share) {
  bool const all = share == IptablesShare::everything;
  auto rules = all ? forward_drops(wish) : std::string{};
  rules += forward_accepts(wish);
  if (all) rules += input_drops(wish);
  rules += input_accepts(wish);
  auto script = table_script("filter", rules, saved);
  // Where nothing is masqueraded, the kernel shall not have to track connections because of us.
  if (all && wants_masquerading(wish)) return script + table_script("nat", nat_rules(wish), saved);
  return script + table_removal("nat", saved);
}

std::string iptables_removal(std::string_view saved) {
  std::string script;
  for (auto const& table : kTables) script += table_removal(table, saved);
  return script;
}

std::vector<std::string> own_iptables_rules(std::string_view saved) {
  std::vector<std::string> rules;
  each_line(saved, [&](std::string_view table, std::string_view line) {
    auto const is_jump = std::ranges::any_of(kChains, [&](OwnChain const& chain) {
      return chain.table == table && !chain.entry.empty() && line == jump_to(chain);
    });
    if (is_jump || is_own_rule(table, line)) rules.push_back(fmt::format("{}: {}", table, line));
  });
  return rules;
}

bool iptables_hold(std::string_view saved, std::string_view script) {
  if (count_own_rules(saved) != count_own_rules(script)) return false;
  return std::ranges::all_of(kChains, [&](OwnChain const& chain) {
    if (chain.entry.empty() || count_lines(script, chain.table, fmt::format(":{} - [0:0]", chain.name)) == 0)
      return true;
    return count_lines(saved, chain.table, jump_to(chain)) > 0;
  });
}

bool iptables_filter(std::string_view saved) {
  bool found = false;
  each_line(saved, [&](std::string_view table, std::string_view line) {
    if (table != "filter") return;
    for (auto const* const name : {"FORWARD", "INPUT"}) {
      bool const policy =
          line.starts_with(fmt::format(":{} ", name)) && !line.starts_with(fmt::format(":{} ACCEPT", name));
      bool const rule = line.starts_with(fmt::format("-A {} ", name)) && !jumps_to_ours(table, line);
      found |= policy || rule;
    }
  });
  return found;
}

bool iptables_have_firewalld(std::string_view saved) {
  return saved.find("\n:FORWARD_direct ") != std::string_view::npos;
}

} // namespace weave::datapath
