#include "controller/api/health.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "controller/api/status_text.hpp"

namespace weave::controller::api {
namespace {

constexpr auto kSeeLog = "the log has more: 'journalctl -u weave' with systemd, /run/weave/weaver.log without";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// `weave forget` takes what the host was called when it was named; connections have its address.
std::string forgetting(ConnectionStatus const& connection, RouterStatus const& router) {
  // Whoever dialled us did so from a port of the moment, which is no target.
  if (!connection.outbound) return "nothing, if that host is none of yours";
  auto const& address = connection.address;
  auto const named = std::ranges::find_if(
      router.targets, [&](auto const& target) { return address == target || address.starts_with(target + ":"); });
  if (named != router.targets.end()) return fmt::format("'weave forget {}' if that host is gone for good", *named);
  return "'weave forget' with its name in 'weave status targets' if that host is gone for good";
}

/// What to do about a connection that cannot be made, by the words of its last error.
std::string remedy(ConnectionStatus const& connection, RouterStatus const& router) {
  auto const& error = connection.error;
  auto const port = router.port;
  auto const forget = forgetting(connection, router);
  if (has(error, "encryption is required")) {
    return "take the other host out of '--trusted-subnets', or launch both without '--require-encryption'";
  }
  if (has(error, "lookup ")) return "correct the name, or the name service of this host; " + forget;
  if (has(error, "password") || has(error, "decrypt")) {
    return "'weave launch --password-file FILE' with the same password on both hosts";
  }
  if (has(error, "peer names collision")) return "'weave launch --name' with another name on one of the two hosts";
  if (has(error, "Connection limit")) return "'weave launch --conn-limit' with a higher limit";
  if (has(error, "seeded by different peers") || has(error, "IP allocation")) {
    return "'weave reset' on the host that is to join the network of the other, then 'weave launch' there";
  }
  if (has(error, "efused") || has(error, "EOF")) {
    return fmt::format("'weave status' there shows whether weave runs, on TCP port {}; {}", port, forget);
  }
  if (has(error, "version")) return "a newer weave on the older of the two hosts";
  return fmt::format(
      "let TCP and UDP port {} and UDP port {} pass between the hosts, and see that weave runs there; {}", port,
      port + 1, forget);
}

std::string who(ConnectionStatus const& connection) {
  auto const address = connection.address;
  return connection.peer.is_unknown()
             ? address
             : fmt::format("{} at {}", full_name(connection.peer, connection.nickname), address);
}

void add_connection(std::vector<Trouble>& troubles, ConnectionStatus const& connection, RouterStatus const& router) {
  if (leads_to_ourself(connection.error)) return;
  auto const port = router.port;
  auto const add = [&](std::string what, std::string cause, std::string next) {
    troubles.push_back({.what = std::move(what), .cause = std::move(cause), .next = std::move(next)});
  };
  auto const name = who(connection);
  switch (connection.state) {
    case ConnectionState::established:
      if (connection.explanation.empty()) return;
      add(fmt::format("traffic with {} goes by {}, not by the kernel fast path", name, connection.overlay),
          connection.explanation,
          fmt::format("let UDP port {} pass in both directions; 'weave doctor' looks for more", port + 1));
      troubles.back().degraded = true;
      return;
    case ConnectionState::pending:
      return add(fmt::format("connection with {} is pending", name),
                 connection.explanation.empty() ? "no probe by UDP has been answered" : connection.explanation,
                 fmt::format("let UDP ports {} and {} pass between the hosts", port, port + 1));
    case ConnectionState::failed:
    case ConnectionState::retrying:
      add(fmt::format("connection with {} is {}", name, to_string(connection.state)),
          connection.error.empty() ? "it ended" : connection.error, remedy(connection, router));
      // Anybody may dial us; whom we dial matters.
      troubles.back().degraded = !connection.outbound;
      return;
    case ConnectionState::connecting:
    case ConnectionState::waiting:
      return add(fmt::format("connection with {} is {}", name, to_string(connection.state)),
                 connection.error.empty() ? "nobody has answered yet" : connection.error, remedy(connection, router));
  }
}

void add_router(std::vector<Trouble>& troubles, RouterStatus const& router) {
  for (auto const& connection : router.connections) add_connection(troubles, connection, router);
}

void add_ring(std::vector<Trouble>& troubles, IpamStatus const& ipam) {
  std::set<PeerName> seen;
  for (auto const& entry : ipam.entries) {
    if (entry.is_known_peer || entry.size == 0 || !seen.insert(entry.peer).second) continue;
    troubles.push_back(
        {.what = fmt::format("{} is unreachable and owns addresses", full_name(entry.peer, entry.nickname)),
         .cause = "no host that is reachable now knows it",
         .next = fmt::format("start it again, or 'weave rmpeer {}' on one host if it will not come back",
                             entry.peer.to_string())});
  }
}

void add_ipam(std::vector<Trouble>& troubles, IpamStatus const& ipam) {
  auto const add = [&](std::string what, std::string cause, std::string next) {
    troubles.push_back({.what = std::move(what), .cause = std::move(cause), .next = std::move(next)});
  };
  if (ipam.entries.empty() && ipam.paxos) {
    auto const cause = ipam.waiting_for.empty() ? "the hosts have not agreed yet" : ipam.waiting_for;
    add(fmt::format("no address can be given out: {}", ipam_state_text(ipam)), cause,
        ipam.paxos->elector ? "launch the missing hosts, or connect them: 'weave connect HOST'; 'weave prime' waits"
                            : "connect this observer with a host that has the addresses: 'weave connect HOST'");
  } else if (!ipam.pending_allocates.empty()) {
    add(fmt::format("{} containers wait for an address", ipam.pending_allocates.size()),
        ipam.waiting_for.empty() ? "none is free here" : ipam.waiting_for,
        "'weave status ipam' shows who owns them; 'weave rmpeer' takes over those of a lost host");
  }
  add_ring(troubles, ipam);
  if (!ipam.conflict.empty()) {
    add("hosts disagree about who owns which addresses", ipam.conflict,
        "'weave reset' on the host that is to join the network of the other, then 'weave launch' there");
  }
}

} // namespace

bool leads_to_ourself(std::string_view last_error) { return last_error.contains("connect to ourself"); }

std::string Trouble::line() const {
  auto text = fmt::format("{}: {}. Next: {}", what, cause, next);
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

std::vector<Trouble> find_troubles(StatusReport const& report) {
  std::vector<Trouble> troubles;
  for (auto const& reason : report.not_ready_reasons) {
    if (report.dns && report.dns->obstacle == reason) continue; // said below
    troubles.push_back({.what = "not ready", .cause = reason, .next = kSeeLog});
  }
  if (report.router) add_router(troubles, *report.router);
  if (report.ipam) add_ipam(troubles, *report.ipam);
  if (report.dns && !report.dns->obstacle.empty()) {
    troubles.push_back({.what = "names are not answered",
                        .cause = report.dns->obstacle,
                        .next = "'weave doctor' shows who has port 53"});
  }
  if (report.plugin && !report.plugin->engine_obstacle.empty()) {
    troubles.push_back({.what = "containers of Docker are not followed",
                        .cause = report.plugin->engine_obstacle,
                        .next = "'systemctl start docker', or 'weave launch --docker-api' with its socket",
                        .degraded = true});
  }
  return troubles;
}

} // namespace weave::controller::api
