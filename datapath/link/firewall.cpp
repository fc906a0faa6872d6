#include "datapath/link/firewall.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

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

bool has_chain(std::string_view saved, OwnChain const& chain) {
  bool found = false;
  each_line(saved, [&](std::string_view table, std::string_view line) {
    found |= table == chain.table && line.starts_with(fmt::format(":{} ", chain.name));
  });
  return found;
}

bool wants_nat(FirewallWish const& wish) {
  return std::ranges::any_of(wish.exposures, [](Exposure const& each) { return each.masquerade; });
}

std::string filter_rules(FirewallWish const& wish) {
  auto const& bridge = wish.bridge;
  std::string rules;
  if (!wish.docker_bridge.empty() && wish.docker_bridge != bridge) {
    rules += fmt::format("-A WEAVE-FORWARD -i {} -o {} -j DROP\n", wish.docker_bridge, bridge);
  }
  rules += fmt::format(
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

std::string input_rules(FirewallWish const& wish) {
  std::string rules;
  std::set<std::string_view> const bridges{wish.docker_bridge, wish.bridge};
  for (auto const from : bridges) {
    if (from.empty()) continue;
    for (auto const port : wish.tcp_ports) {
      rules += fmt::format("-A WEAVE-INPUT -i {} -p tcp -m tcp --dport {} -j DROP\n", from, port);
    }
    for (auto const port : wish.udp_ports) {
      rules += fmt::format("-A WEAVE-INPUT -i {} -p udp -m udp --dport {} -j DROP\n", from, port);
    }
  }
  if (wish.names && !wish.docker_bridge.empty()) {
    for (auto const* protocol : {"udp", "tcp"}) {
      rules += fmt::format("-A WEAVE-INPUT -i {0} -p {1} -m {1} --dport 53 -j ACCEPT\n", wish.docker_bridge, protocol);
    }
  }
  for (auto const port : wish.loopback_ports) {
    rules += fmt::format("-A WEAVE-INPUT -d 127.0.0.0/8 ! -i lo -p tcp -m tcp --dport {} -j DROP\n", port);
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
  for (auto const& chain : kChains) {
    if (chain.table != table || chain.entry.empty()) continue;
    for (auto copies = count_lines(saved, table, jump_to(chain)); copies > 0; --copies) {
      script += fmt::format("-D {} -j {}\n", chain.entry, chain.name);
    }
  }
  for (auto const* verb : {"-F", "-X"}) {
    for (auto const& chain : kChains) {
      if (chain.table == table && has_chain(saved, chain)) script += fmt::format("{} {}\n", verb, chain.name);
    }
  }
  return script.empty() ? script : fmt::format("*{}\n{}COMMIT\n", table, script);
}

std::size_t count_chain_rules(std::string_view text) {
  std::size_t count = 0;
  each_line(text, [&](std::string_view table, std::string_view line) {
    for (auto const& chain : kChains) {
      if (chain.table == table && line.starts_with(fmt::format("-A {} ", chain.name))) ++count;
    }
  });
  return count;
}

/// Whether what is saved has all that the script has just put there.
bool holds(std::string_view saved, std::string_view script) {
  if (count_chain_rules(saved) != count_chain_rules(script)) return false;
  return std::ranges::all_of(kChains, [&](OwnChain const& chain) {
    if (chain.entry.empty() || count_lines(script, chain.table, fmt::format(":{} - [0:0]", chain.name)) == 0)
      return true;
    return count_lines(saved, chain.table, jump_to(chain)) > 0;
  });
}

/// What iptables ends with when somebody else has its lock for too long.
constexpr int kLockHeld = 4;

std::string first_line(std::string_view text) { return std::string{text.substr(0, text.find('\n'))}; }

Error refusal(std::string_view program, CommandResult const& result) {
  return Error{ErrorKind::system,
               fmt::format("{} failed (exit status {}): {}", program, result.status, first_line(result.errors))};
}

} // namespace

std::string firewall_script(FirewallWish const& wish, std::string_view saved) {
  auto script = table_script("filter", filter_rules(wish) + input_rules(wish), saved);
  // Where nothing is masqueraded, the kernel shall not have to track connections because of us.
  if (wants_nat(wish)) return script + table_script("nat", nat_rules(wish), saved);
  return script + table_removal("nat", saved);
}

std::string firewall_removal(std::string_view saved) {
  std::string script;
  for (auto const& table : kTables) script += table_removal(table, saved);
  return script;
}

std::vector<std::string> own_rules(std::string_view saved) {
  std::vector<std::string> rules;
  each_line(saved, [&](std::string_view table, std::string_view line) {
    auto const is_ours = std::ranges::any_of(kChains, [&](OwnChain const& chain) {
      if (chain.table != table) return false;
      if (!chain.entry.empty() && line == jump_to(chain)) return true;
      return line.starts_with(fmt::format("-A {} ", chain.name));
    });
    if (is_ours) rules.push_back(fmt::format("{}: {}", table, line));
  });
  return rules;
}

Result<std::string> OverlayFirewall::saved() const {
  auto result = converse_({"iptables-save"}, {});
  if (!result) return failure_of(result);
  if (result->status != 0) return std::unexpected{refusal("iptables-save", *result)};
  return std::move(result->output);
}

Result<void> OverlayFirewall::restore(std::string const& script, int* status) const {
  auto const result = converse_({"iptables-restore", "-w", "5", "--noflush"}, script);
  if (!result) return failure_of(result);
  if (status != nullptr) *status = result->status;
  if (result->status != 0) return std::unexpected{refusal("iptables-restore", *result)};
  return {};
}

Result<void> OverlayFirewall::apply(FirewallWish const& wish) {
  left_.reset();
  auto const before = saved();
  if (!before) {
    if (before.error().kind() != ErrorKind::not_found) return failure_of(before);
    if (!wants_nat(wish)) return {};
    return failure(ErrorKind::not_found, "addresses cannot be masqueraded: iptables is not installed on this host");
  }
  int status = 0;
  auto script = firewall_script(wish, *before);
  auto restored = restore(script, &status);
  set_refusal_.reset();
  bool const set_in_doubt = wants_nat(wish) && !wish.local_set.empty() && status != 0 && status != kLockHeld;
  if (!restored && set_in_doubt) {
    // The rest of the rules is worth more than this one.
    auto plain = wish;
    plain.local_set.clear();
    set_refusal_ = restored.error();
    script = firewall_script(plain, *before);
    restored = restore(script);
  }
  if (!restored) return restored;
  auto const after = saved();
  if (!after) return failure_of(after);
  // Otherwise somebody was there in between, which must not pass for what we left.
  if (holds(*after, script)) left_ = own_rules(*after);
  return {};
}

Result<bool> OverlayFirewall::intact() const {
  auto const now = saved();
  if (!now) return now.error().kind() == ErrorKind::not_found ? Result<bool>{true} : failure_of(now);
  return own_rules(*now) == left_;
}

Result<void> OverlayFirewall::remove() {
  left_.reset();
  auto const now = saved();
  if (!now) return now.error().kind() == ErrorKind::not_found ? Result<void>{} : failure_of(now);
  auto const script = firewall_removal(*now);
  return script.empty() ? Result<void>{} : restore(script);
}

} // namespace weave::datapath
