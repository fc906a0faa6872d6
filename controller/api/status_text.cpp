#include "controller/api/status_text.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/health.hpp"
#include "controller/api/time_text.hpp"

namespace weave::controller::api {
namespace {

/// What a connection's frames are encrypted by.
constexpr std::string_view kCipherAttribute = "cipher";

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

std::size_t characters(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues_character));
}

/// Left-aligned in `width` characters, never cut.
std::string left(std::string text, std::size_t width) {
  auto const size = characters(text);
  if (size < width) text.append(width - size, ' ');
  return text;
}

/// Right-aligned in `width` characters and cut to them.
std::string right_cut(std::string_view text, std::size_t width) {
  std::size_t end = 0;
  for (std::size_t count = 0; end < text.size(); ++end) {
    if (!continues_character(text[end]) && ++count > width) break;
  }
  auto const cut = text.substr(0, end);
  return std::string(width - std::min(width, characters(cut)), ' ').append(cut);
}

/// What peers chose must not forge lines or drive a terminal.
std::string printable(std::string_view text) {
  std::string result{text};
  std::ranges::replace_if(
      result, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return result;
}

std::string_view arrow(bool outbound) { return outbound ? "->" : "<-"; }

/// Collects `Label: value` lines with the label right-aligned in 15 columns.
class Section {
 public:
  Section& line(std::string_view label, std::string_view value) {
    text_ += fmt::format("{:>15}: {}\n", label, value);
    return *this;
  }
  [[nodiscard]] std::string text() const { return text_; }

 private:
  std::string text_;
};

/// `1 established, 2 pending`: only what there is, in the order given.
std::string counted(std::span<std::pair<std::size_t, std::string_view> const> counts) {
  std::string text;
  for (auto const& [count, what] : counts) {
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  }
  return text;
}

std::string connection_count(RouterStatus const& router) {
  std::vector<std::pair<std::size_t, std::string_view>> counts;
  for (auto const state : {ConnectionState::established, ConnectionState::pending, ConnectionState::retrying,
                           ConnectionState::failed, ConnectionState::connecting}) {
    auto const count = std::ranges::count(router.connections, state, &ConnectionStatus::state);
    counts.emplace_back(static_cast<std::size_t>(count), to_string(state));
  }
  auto const text = counted(counts);
  auto const total = router.connections.size();
  return text.empty() ? fmt::to_string(total) : fmt::format("{} ({})", total, text);
}

std::string peer_count(RouterStatus const& router) {
  std::array<std::pair<std::size_t, std::string_view>, 2> counts{{{0, "established"}, {0, "pending"}}};
  for (auto const& peer : router.peers) {
    for (auto const& connection : peer.connections) ++counts[connection.established ? 0 : 1].first;
  }
  auto const text = counted(counts);
  auto const total = router.peers.size();
  return text.empty() ? fmt::to_string(total) : fmt::format("{} (with {} connections)", total, text);
}

std::string joined_or_none(std::vector<std::string> const& items) {
  return items.empty() ? "none" : fmt::format("{}", fmt::join(items, ", "));
}

std::string on_off(bool enabled) { return enabled ? "enabled" : "disabled"; }

/// `aes-256-gcm 2, none 1`: by what the frames of how many connections are encrypted; empty without connections.
std::string cipher_count(RouterStatus const& router) {
  std::map<std::string, int> counts;
  for (auto const& connection : router.connections) {
    if (!connection.encrypted) continue;
    auto const found = connection.attributes.find(std::string{kCipherAttribute});
    auto const* const cipher =
        found != connection.attributes.end() ? std::get_if<std::string>(&found->second) : nullptr;
    if (cipher == nullptr && *connection.encrypted) continue;
    ++counts[cipher != nullptr ? printable(*cipher) : "none"];
  }
  std::string text;
  for (auto const& [cipher, count] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", cipher, count);
  return text;
}

std::string router_section(RouterStatus const& router) {
  std::vector<std::string> subnets;
  for (auto const& subnet : router.trusted_subnets) subnets.push_back(subnet.to_string());
  auto const protocol = router.protocol_min == router.protocol_max
                            ? fmt::format("weave {}", router.protocol_max)
                            : fmt::format("weave {}..{}", router.protocol_min, router.protocol_max);
  auto section = Section{}
                     .line("Service", "router")
                     .line("Protocol", protocol)
                     .line("Name", full_name(router.name, router.nickname))
                     .line("Encryption", on_off(router.encryption));
  if (auto const ciphers = cipher_count(router); !ciphers.empty()) section.line("Ciphers", ciphers);
  if (!router.fast_path_obstacle.empty()) section.line("FastPath", "none, " + printable(router.fast_path_obstacle));
  return section.line("PeerDiscovery", on_off(router.peer_discovery))
      .line("Targets", fmt::to_string(router.targets.size()))
      .line("Connections", connection_count(router))
      .line("Peers", peer_count(router))
      .line("TrustedSubnets", joined_or_none(subnets))
      .text();
}

std::string ipam_section(IpamStatus const& ipam) {
  auto section = Section{}
                     .line("Service", "ipam")
                     .line("Status", ipam_state_text(ipam))
                     .line("Range", ipam.range.to_string())
                     .line("DefaultSubnet", ipam.default_subnet.to_string());
  if (!ipam.waiting_for.empty()) section.line("WaitingFor", printable(ipam.waiting_for));
  if (!ipam.conflict.empty()) section.line("Conflict", printable(ipam.conflict));
  return section.text();
}

std::string dns_section(DnsStatus const& dns) {
  auto const live = std::ranges::count(dns.entries, 0, &DnsEntryStatus::tombstone);
  auto section = Section{}
                     .line("Service", "dns")
                     .line("Domain", dns.domain)
                     .line("Upstream", joined_or_none(dns.upstream))
                     .line("TTL", fmt::to_string(dns.ttl))
                     .line("Entries", fmt::to_string(live));
  if (!dns.obstacle.empty()) section.line("Obstacle", dns.obstacle);
  return section.text();
}

std::string attribute_text(AttributeValue const& value) {
  if (auto const* text = std::get_if<std::string>(&value)) return printable(*text);
  if (auto const* number = std::get_if<std::int64_t>(&value)) return fmt::to_string(*number);
  return std::get<bool>(value) ? "true" : "false";
}

/// The original does not have it.
bool is_ours(std::string_view attribute) {
  return attribute == kCipherAttribute || attribute == "loss" || attribute == "rtt";
}

/// `encrypted=true mtu=1414 cipher=aes-256-gcm loss=0% rtt=0.213ms`: what the original has, in its order, then what it
/// does not know.
std::string attributes_text(ConnectionStatus const& connection) {
  std::vector<std::string> words;
  for (bool const ours : {false, true}) {
    for (auto const& [key, value] : connection.attributes) {
      if (is_ours(key) == ours) words.push_back(fmt::format("{}={}", key, attribute_text(value)));
    }
  }
  return fmt::format("{}", fmt::join(words, " "));
}

/// What people need beside the original's words; blank in front.
std::string advice(ConnectionStatus const& connection, RouterStatus const& router) {
  auto const trouble = trouble_of(connection, router);
  if (!trouble) return {};
  // Scripts look for the word in lines of connections that use it.
  auto cause = trouble->cause;
  constexpr std::string_view kName = "fastdp";
  if (cause.starts_with(kName)) cause.replace(0, kName.size(), "fast path");
  bool const has_cause = connection.state == ConnectionState::failed || connection.state == ConnectionState::retrying;
  return printable(has_cause ? fmt::format(" Next: {}", trouble->next)
                             : fmt::format(" Cause: {}. Next: {}", cause, trouble->next));
}

/// The addresses one peer owns, added up over its ring entries.
struct Share {
  PeerName peer;
  std::string nickname;
  std::uint64_t addresses = 0;
  bool known = true;
};

std::vector<Share> shares(std::vector<RingEntryStatus> const& entries) {
  std::map<PeerName, Share> by_peer;
  for (auto const& entry : entries) {
    auto& share = by_peer.try_emplace(entry.peer, Share{.peer = entry.peer, .nickname = {}}).first->second;
    if (share.nickname.empty()) share.nickname = entry.nickname;
    share.addresses += entry.size;
    share.known = share.known && entry.is_known_peer;
  }
  std::vector<Share> result;
  for (auto& [peer, share] : by_peer) result.push_back(std::move(share));
  return result;
}

std::string rescue(Share const& share) {
  return trouble_of(RingEntryStatus{.token = {}, .size = 1, .peer = share.peer, .nickname = {}, .is_known_peer = false})
      ->next;
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

/// The name without the DNS domain: `db.weave.local.` becomes `db`.
std::string short_hostname(std::string hostname, std::string_view domain) {
  if (auto const suffix = "." + lower_case(std::string{domain}); lower_case(hostname).ends_with(suffix)) {
    hostname.resize(hostname.size() - suffix.size());
  }
  return hostname;
}

} // namespace

std::string full_name(PeerName name, std::string_view nickname) {
  return fmt::format("{}({})", name.to_string(), printable(nickname));
}

std::string status_text(StatusReport const& report) {
  auto text = Section{}
                  .line("Version", fmt::format("{} ({})", report.version, version_check_text(report.version_check)))
                  .text();
  auto const add = [&text](std::string const& section) { text += "\n" + section; };
  if (!report.not_ready_reasons.empty()) {
    Section section;
    for (auto const& reason : report.not_ready_reasons) section.line("Not ready", reason);
    add(section.text());
  }
  if (report.router) add(router_section(*report.router));
  if (report.ipam) add(ipam_section(*report.ipam));
  if (report.dns) add(dns_section(*report.dns));
  if (report.proxy) {
    add(Section{}.line("Service", "proxy").line("Address", joined_or_none(report.proxy->addresses)).text());
  }
  if (report.plugin) {
    auto section = Section{}.line("Service", report.plugin->v2 ? "plugin (v2)" : "plugin (legacy)");
    if (!report.plugin->v2) section.line("DriverName", report.plugin->driver_name);
    if (auto const& obstacle = report.plugin->engine_obstacle; !obstacle.empty())
      section.line("Docker", printable(obstacle));
    if (auto const& obstacle = report.plugin->network_obstacle; !obstacle.empty())
      section.line("Network", printable(obstacle));
    add(section.text());
  }
  auto checks = Section{};
  for (auto const& trouble : find_troubles(report)) checks.line("Check", trouble.line());
  if (auto const found = checks.text(); !found.empty()) add(found);
  return text;
}

std::string version_check_text(VersionCheckStatus const& check) {
  if (!check.enabled) return "version check update disabled";
  auto const next = check.next_check_at ? to_short_text(*check.next_check_at) : std::string{"never"};
  if (!check.success) return fmt::format("failed to check latest version - see logs; next check at {}", next);
  if (!check.new_version.empty()) return fmt::format("version {} available - please upgrade!", check.new_version);
  return fmt::format("up to date; next check at {}", next);
}

std::string connection_info(ConnectionStatus const& connection) {
  switch (connection.state) {
    case ConnectionState::established:
    case ConnectionState::pending: {
      auto const encryption =
          connection.encrypted ? left(*connection.encrypted ? "encrypted" : "unencrypted", 11) + " " : std::string{};
      return fmt::format("{}{} {}", encryption, left(connection.overlay, 6),
                         full_name(connection.peer, connection.nickname));
    }
    case ConnectionState::failed:
      // Who dialled us comes again or not.
      if (!connection.outbound) return printable(connection.error);
      return fmt::format("{}, retry: {}", printable(connection.error),
                         connection.retry_at ? to_long_text(*connection.retry_at) : "never");
    case ConnectionState::retrying: return printable(connection.error);
    case ConnectionState::connecting: return {};
    case ConnectionState::waiting:
      return fmt::format("until: {}", connection.retry_at ? to_long_text(*connection.retry_at) : "never");
  }
  return {};
}

std::string connections_text(StatusReport const& report) {
  std::string text;
  if (!report.router) return text;
  for (auto const& connection : report.router->connections) {
    text += fmt::format("{} {} {} {} {}{}\n", arrow(connection.outbound), left(connection.address, 21),
                        left(std::string{to_string(connection.state)}, 11), connection_info(connection),
                        attributes_text(connection), advice(connection, *report.router));
  }
  return text;
}

std::string peers_text(StatusReport const& report) {
  std::string text;
  if (!report.router) return text;
  auto const ordered = [](auto items, auto key) {
    std::ranges::stable_sort(items, {}, key);
    return items;
  };
  for (auto const& peer : ordered(report.router->peers, &PeerStatus::name)) {
    text += full_name(peer.name, peer.nickname) + "\n";
    for (auto const& connection : ordered(peer.connections, &PeerConnectionStatus::name)) {
      text += fmt::format("   {} {} {} {}\n", arrow(connection.outbound), left(connection.address, 21),
                          left(full_name(connection.name, connection.nickname), 37),
                          connection.established ? "established" : "pending");
    }
  }
  return text;
}

std::string targets_text(StatusReport const& report) {
  std::string text;
  if (!report.router) return text;
  auto targets = report.router->targets;
  std::ranges::sort(targets);
  for (auto const& target : targets) text += target + "\n";
  return text;
}

std::string dns_text(StatusReport const& report) {
  std::string text;
  if (!report.dns) return text;
  auto entries = report.dns->entries;
  std::erase_if(entries, [](DnsEntryStatus const& entry) { return entry.tombstone != 0; });
  std::ranges::sort(entries, {}, [](DnsEntryStatus const& entry) {
    return std::tuple{lower_case(entry.hostname), entry.origin, entry.container_id, entry.address};
  });
  for (auto const& entry : entries) {
    auto const name = printable(short_hostname(entry.hostname, report.dns->domain));
    text += fmt::format("{} {} {} {}\n", left(name, 12), left(entry.address.to_string(), 15),
                        right_cut(printable(entry.container_id), 12), entry.origin.to_string());
  }
  return text;
}

std::string ipam_text(StatusReport const& report) {
  std::string text;
  if (!report.ipam) return text;
  auto const own = report.router ? report.router->name : kUnknownPeer;
  auto all = shares(report.ipam->entries);
  std::ranges::stable_partition(all, [own](Share const& share) { return share.peer == own; });
  auto const total = std::max<std::uint64_t>(report.ipam->range_addresses, 1);
  for (auto const& share : all) {
    auto const note = share.peer == own ? fmt::format("({} active)", report.ipam->active_addresses)
                      : share.known     ? std::string{}
                                        : fmt::format("- unreachable! Next: {}", rescue(share));
    auto const percent = 100.0 * static_cast<double>(share.addresses) / static_cast<double>(total);
    text += fmt::format("{} {:8} IPs ({:04.1f}% of total) {}\n", left(full_name(share.peer, share.nickname), 37),
                        share.addresses, percent, note);
  }
  if (!report.ipam->conflict.empty()) text += fmt::format("Conflict: {}\n", printable(report.ipam->conflict));
  return text;
}

std::string ipam_state_text(IpamStatus const& ipam) {
  if (!ipam.entries.empty()) {
    bool const usable = std::ranges::any_of(
        ipam.entries, [](RingEntryStatus const& entry) { return entry.size > 0 && entry.is_known_peer; });
    if (!usable) return "all IP ranges owned by unreachable peers - use 'rmpeer' if they are dead";
    return ipam.pending_allocates.empty() ? "ready" : "waiting for IP(s) to become available";
  }
  if (!ipam.paxos) return "idle";
  if (!ipam.paxos->elector) return "priming";
  return fmt::format("awaiting consensus (quorum: {}, known: {})", ipam.paxos->quorum, ipam.paxos->known_nodes);
}

} // namespace weave::controller::api
