#include "datapath/link/foreign_tables.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace weave::datapath {
namespace {

/// What is between a first word and the brace that opens its block; empty for other lines.
std::string_view opened_by(std::string_view line, std::string_view word) {
  constexpr std::string_view kOpens = " {";
  if (!line.starts_with(word) || !line.ends_with(kOpens)) return {};
  line.remove_prefix(word.size());
  line.remove_suffix(kOpens.size());
  return line;
}

/// Tables whose chains are looked after elsewhere: iptables', ours, firewalld's with its zones, and the one that it has
/// while it reloads.
bool is_known(std::string_view table) {
  auto const is_ip = table.starts_with("ip ") || table.starts_with("inet ");
  bool const is_iptables = table == "ip filter" || table == "ip mangle" || table == "ip security" || table == "ip raw";
  return !is_ip || is_iptables || table == "inet weave" || table.find(" firewalld") != std::string_view::npos;
}

} // namespace

ForeignTables read_foreign_tables(std::string_view chains) {
  ForeignTables found;
  std::string_view table;
  std::string_view chain;
  while (!chains.empty()) {
    auto line = chains.substr(0, chains.find('\n'));
    chains.remove_prefix(std::min(chains.size(), line.size() + 1));
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (auto const name = opened_by(line, "table "); !name.empty()) {
      table = name;
      found.docker |= table == "ip docker-bridges";
      found.firewalld |= table == "inet firewalld" || table == "ip firewalld";
    }
    if (auto const name = opened_by(line, "chain "); !name.empty()) chain = name;
    bool const closed = line.find(" hook forward ") != std::string_view::npos && line.ends_with("policy drop;");
    if (closed && !is_known(table)) found.closed.push_back(fmt::format("{} {}", table, chain));
  }
  return found;
}

} // namespace weave::datapath
