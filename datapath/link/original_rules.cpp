#include "datapath/link/original_rules.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace weave::datapath {
namespace {

constexpr std::array<std::string_view, 3> kTables{"mangle", "nat", "filter"};

struct OriginalChain {
  std::string_view table;
  std::string_view name;
};
constexpr std::array kChains{
    OriginalChain{"mangle", "WEAVE-CANARY"},         OriginalChain{"mangle", "WEAVE-IPSEC-IN"},
    OriginalChain{"mangle", "WEAVE-IPSEC-IN-MARK"},  OriginalChain{"mangle", "WEAVE-IPSEC-OUT"},
    OriginalChain{"mangle", "WEAVE-IPSEC-OUT-MARK"}, OriginalChain{"nat", "WEAVE-CANARY"},
    OriginalChain{"filter", "WEAVE-CANARY"},         OriginalChain{"filter", "WEAVE-IPSEC-IN"}};

/// Lines of one table.
std::vector<std::string_view> lines_of(std::string_view saved, std::string_view table) {
  std::vector<std::string_view> lines;
  std::string_view current;
  while (!saved.empty()) {
    auto const line = saved.substr(0, saved.find('\n'));
    saved.remove_prefix(std::min(saved.size(), line.size() + 1));
    if (line.starts_with('*')) current = line.substr(1);
    if (current == table) lines.push_back(line);
  }
  return lines;
}

constexpr std::string_view kControlComment = "Block non-local access to Weave Net control port";

std::string exposing(OriginalRules const& which) {
  return fmt::format("-A FORWARD -o {} -j WEAVE-EXPOSE", which.bridge);
}

/// What only an original has put there, at the latest since 2.7 a chain of its own. Without it, rules that look like
/// its are somebody else's.
bool has_been_here(OriginalRules const& which, std::string_view saved) {
  return saved.find("\n:WEAVE-CANARY ") != std::string_view::npos ||
         saved.find("\n:WEAVE-IPSEC-") != std::string_view::npos ||
         saved.find(kControlComment) != std::string_view::npos ||
         saved.find(fmt::format("\n{}\n", exposing(which))) != std::string_view::npos;
}

/// `-A INPUT -d ADDRESS/32 -i docker0 -p tcp -m tcp --dport 6783 -j DROP`, and the like.
bool closes_port(OriginalRules const& which, std::string_view line) {
  constexpr std::string_view kStart = "-A INPUT -d ";
  if (!line.starts_with(kStart)) return false;
  auto const rest = line.substr(std::min(line.size(), line.find(' ', kStart.size())));
  auto const is = [&](std::string_view protocol, int port) {
    return rest == fmt::format(" -i {0} -p {1} -m {1} --dport {2} -j DROP", which.docker_bridge, protocol, port);
  };
  return is("tcp", which.port) || is("udp", which.port) || is("udp", which.port + 1);
}

/// Rules in the kernel's own chains of the filter table that jump nowhere.
bool is_plain_rule(OriginalRules const& which, std::string_view line) {
  auto const& bridge = which.bridge;
  std::array const rules{
      fmt::format("-A FORWARD -i {} -o {} -j DROP", which.docker_bridge, bridge),
      fmt::format("-A FORWARD -i {0} -o {0} -j ACCEPT", bridge),
      exposing(which),
      fmt::format("-A FORWARD -i {0} ! -o {0} -j ACCEPT", bridge),
      fmt::format("-A FORWARD -o {} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", bridge),
      fmt::format("-A INPUT -i {} -p udp -m udp --dport 53 -j ACCEPT", which.docker_bridge),
      fmt::format("-A INPUT -i {} -p tcp -m tcp --dport 53 -j ACCEPT", which.docker_bridge),
      std::string{"-A OUTPUT ! -p esp -m policy --dir out --pol none -m mark --mark 0x20000/0x20000 -j DROP"}};
  if (std::ranges::find(rules, line) != rules.end() || closes_port(which, line)) return true;
  return line.starts_with("-A INPUT ") && line.find(kControlComment) != std::string_view::npos;
}

std::string table_removal(OriginalRules const& which, std::string_view table, std::string_view saved) {
  auto const lines = lines_of(saved, table);
  std::vector<std::string_view> chains;
  for (auto const& chain : kChains) {
    if (chain.table != table) continue;
    auto const head = fmt::format(":{} ", chain.name);
    if (std::ranges::any_of(lines, [&](auto line) { return line.starts_with(head); })) chains.push_back(chain.name);
  }
  std::string script;
  // It has put each rule there once: a second one is somebody else's.
  std::set<std::string_view> seen;
  for (auto const line : lines) {
    // What is in its own chains goes with them.
    if (!line.starts_with("-A ") || line.starts_with("-A WEAVE") || !seen.insert(line).second) continue;
    bool const jumps =
        std::ranges::any_of(chains, [&](auto chain) { return line.ends_with(fmt::format(" -j {}", chain)); });
    if (jumps || (table == "filter" && is_plain_rule(which, line))) script += fmt::format("-D{}\n", line.substr(2));
  }
  for (auto const* verb : {"-F", "-X"}) {
    for (auto const chain : chains) script += fmt::format("{} {}\n", verb, chain);
  }
  return script.empty() ? script : fmt::format("*{}\n{}COMMIT\n", table, script);
}

/// `not_found`: no such program.
Result<std::string> output_of(ConverseCommand const& converse, std::vector<std::string> const& command,
                              std::string_view input = {}) {
  auto result = converse(command, input);
  if (!result) return failure_of(result);
  if (result->status != 0) {
    return failure(ErrorKind::system, fmt::format("{} failed (exit status {}): {}", command.front(), result->status,
                                                  result->errors.substr(0, result->errors.find('\n'))));
  }
  return std::move(result->output);
}

/// One kind of iptables: its programs begin with `name`.
Result<std::size_t> remove_from(std::string const& name, OriginalRules const& which, ConverseCommand const& converse) {
  auto const saved = output_of(converse, {name + "-save"});
  if (!saved) return saved.error().kind() == ErrorKind::not_found ? Result<std::size_t>{0} : failure_of(saved);
  auto const script = original_rules_removal(which, *saved);
  if (script.empty()) return 0;
  auto const done = output_of(converse, {name + "-restore", "-w", "5", "--noflush"}, script);
  if (!done) return failure_of(done);
  return static_cast<std::size_t>(std::ranges::count(script, '*'));
}

} // namespace

std::string original_rules_removal(OriginalRules const& which, std::string_view saved) {
  if (!has_been_here(which, saved)) return {};
  std::string script;
  for (auto const table : kTables) script += table_removal(which, table, saved);
  return script;
}

Result<std::size_t> remove_original_rules(OriginalRules const& which, ConverseCommand const& converse) {
  auto const version = output_of(converse, {"iptables", "--version"});
  if (!version && version.error().kind() == ErrorKind::not_found) return 0;
  if (!version) return failure_of(version);
  bool const nft = version->find("nf_tables") != std::string::npos;
  auto const here = remove_from("iptables", which, converse);
  auto const there = remove_from(nft ? "iptables-legacy" : "iptables-nft", which, converse);
  if (!here) return here;
  if (!there) return there;
  return *here + *there;
}

} // namespace weave::datapath
