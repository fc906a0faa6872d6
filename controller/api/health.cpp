#include "controller/api/health.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/status_text.hpp"

namespace weave::controller::api {
namespace {

constexpr auto kSeeLog = "the log has more: 'journalctl -u weave' with systemd, /run/weave/weaver.log without";
constexpr auto kJoinOneNetwork =
    "'weave reset' on the host that is to join the network of the other, then 'weave launch' there";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Collects what is said about one subject.
class Findings {
 public:
  Findings(std::vector<Trouble>& troubles, std::string_view subject) : troubles_{troubles}, subject_{subject} {}

  void error(std::string what, std::string cause, std::string next) {
    troubles_.push_back({std::string{subject_}, std::move(what), std::move(cause), std::move(next), false});
  }
  void warning(std::string what, std::string cause, std::string next) {
    troubles_.push_back({std::string{subject_}, std::move(what), std::move(cause), std::move(next), true});
  }

 private:
  std::vector<Trouble>& troubles_;
  std::string_view subject_;
};

void add_router(std::vector<Trouble>& troubles, RouterStatus const& router) {
  if (auto const& obstacle = router.fast_path_obstacle; !obstacle.empty()) {
    Findings{troubles, "router"}.warning(
        "there is no kernel fast path, all traffic goes by sleeve", obstacle,
        fmt::format("{}; 'weave launch --fast-path=none' if it is to stay like this",
                    router.encryption ? "'modprobe esp4' for a fast path beside a password"
                                      : "'modprobe openvswitch' or 'modprobe vxlan'; 'weave doctor' tells more"));
  }
  for (auto const& connection : router.connections) {
    if (auto trouble = trouble_of(connection, router)) troubles.push_back(*std::move(trouble));
  }
}

void add_ring(std::vector<Trouble>& troubles, IpamStatus const& ipam) {
  std::set<PeerName> seen;
  for (auto const& entry : ipam.entries) {
    auto trouble = trouble_of(entry);
    if (trouble && seen.insert(entry.peer).second) troubles.push_back(*std::move(trouble));
  }
}

void add_ipam(std::vector<Trouble>& troubles, IpamStatus const& ipam) {
  Findings findings{troubles, "ipam"};
  if (ipam.entries.empty() && ipam.paxos) {
    auto const cause = ipam.waiting_for.empty() ? "the hosts have not agreed yet" : ipam.waiting_for;
    findings.error(fmt::format("no address can be given out: {}", ipam_state_text(ipam)), cause,
                   ipam.paxos->elector
                       ? "launch the missing hosts, or connect them: 'weave connect HOST'; 'weave prime' waits"
                       : "connect this observer with a host that has the addresses: 'weave connect HOST'");
  } else if (!ipam.pending_allocates.empty()) {
    findings.error(fmt::format("{} containers wait for an address", ipam.pending_allocates.size()),
                   ipam.waiting_for.empty() ? "none is free here" : ipam.waiting_for,
                   "'weave status ipam' shows who owns them; 'weave rmpeer' takes over those of a lost host");
  }
  if (!ipam.pending_claims.empty()) {
    findings.error(fmt::format("{} addresses that were asked for cannot be had yet", ipam.pending_claims.size()),
                   ipam.waiting_for.empty() ? "their owner has not answered" : ipam.waiting_for,
                   "'weave status ipam' shows who owns them; 'weave rmpeer' takes over those of a lost host");
  }
  add_ring(troubles, ipam);
  if (!ipam.conflict.empty()) {
    findings.error("hosts disagree about who owns which addresses", ipam.conflict, kJoinOneNetwork);
  }
}

void add_dns(std::vector<Trouble>& troubles, DnsStatus const& dns) {
  Findings findings{troubles, "dns"};
  if (!dns.obstacle.empty()) {
    findings.error("names are not answered", dns.obstacle, "'weave doctor' shows who has port 53");
  }
  if (dns.upstream.empty()) {
    findings.warning(fmt::format("names outside {} are not answered", dns.domain),
                     "this host's list of name servers has none to ask",
                     "a line 'nameserver ADDRESS' in /etc/resolv.conf, or 'weave launch --resolv-conf FILE'");
  }
}

std::string network_remedy(std::string_view obstacle) {
  if (has(obstacle, "exists with driver")) {
    return "'docker network rm weave' if it is not needed; weave makes its own within a minute";
  }
  if (has(obstacle, "verlap")) {
    return "'docker network ls' and 'docker network inspect' show the other network; remove it, or 'weave launch "
           "--ipalloc-range' with another range, the same on all hosts";
  }
  return "'journalctl -u docker' has more; weave tries again by itself";
}

void add_plugin(std::vector<Trouble>& troubles, PluginStatus const& plugin) {
  Findings findings{troubles, "plugin"};
  if (auto const& obstacle = plugin.network_obstacle; !obstacle.empty()) {
    if (plugin.network_differs) {
      findings.warning("Docker's network weave is not as it was asked for", obstacle,
                       "'weave stop' and 'weave launch' when no container is on it");
    } else {
      findings.error("'docker run --net=weave' does not work", obstacle, network_remedy(obstacle));
    }
  }
  if (!plugin.engine_obstacle.empty()) {
    findings.warning("containers of Docker are not followed", plugin.engine_obstacle,
                     "'systemctl start docker', or 'weave launch --docker-api' with its socket");
  }
}

void add_host(std::vector<Trouble>& troubles, HostStatus const& host) {
  Findings findings{troubles, "host"};
  if (!host.state_obstacle.empty()) {
    findings.error("what changes cannot be stored, so new addresses are refused", host.state_obstacle,
                   "make room there or mend that disk ('df', 'dmesg'); then it goes on by itself");
  }
  if (!host.firewall_obstacle.empty()) {
    findings.error("the firewall's rules for containers are not in place", host.firewall_obstacle,
                   "'weave doctor' looks at iptables and nftables; weave tries again by itself");
  }
  for (auto const& port : host.hairpin_ports) {
    findings.error(fmt::format("frames go round in circles at {}", port), "hairpin mode of that bridge port is on",
                   fmt::format("'bridge link set dev {} hairpin off'", port));
  }
  if (!host.clock_obstacle.empty()) {
    findings.warning("clocks differ", host.clock_obstacle,
                     "'timedatectl set-ntp true' on the host whose clock is wrong");
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
    Findings{troubles, "weave"}.error("not ready", reason, kSeeLog);
  }
  if (report.router) add_router(troubles, *report.router);
  if (report.ipam) add_ipam(troubles, *report.ipam);
  if (report.dns) add_dns(troubles, *report.dns);
  if (report.plugin) add_plugin(troubles, *report.plugin);
  add_host(troubles, report.host);
  for (auto const& [what, cause, next] : report.firewall) {
    troubles.push_back({.subject = "host", .what = what, .cause = cause, .next = next, .degraded = true});
  }
  return troubles;
}

std::optional<Trouble> trouble_of(RingEntryStatus const& entry) {
  if (entry.is_known_peer || entry.size == 0) return std::nullopt;
  return Trouble{.subject = "ipam",
                 .what = fmt::format("{} is unreachable and owns addresses", full_name(entry.peer, entry.nickname)),
                 .cause = "no host that is reachable now knows it",
                 .next = fmt::format("start it again, or 'weave rmpeer {}' on one host if it will not come back",
                                     entry.peer.to_string())};
}

} // namespace weave::controller::api
