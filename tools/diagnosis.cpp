#include "tools/diagnosis.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weave::tools {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr int kOldestSensibleYear = 2024;
constexpr std::string_view kDaemon = "weaver";

using Findings = std::vector<Finding>;

void add(Findings& to, Severity severity, std::string subject, std::string text, std::string cause = {},
         std::string next = {}) {
  to.push_back({severity, std::move(subject), std::move(text), std::move(cause), std::move(next)});
}

bool usable(Presence presence) { return presence == Presence::present || presence == Presence::loadable; }

void check_fast_path(Findings& to, KernelFacts const& kernel) {
  if (usable(kernel.openvswitch)) {
    add(to, Severity::fine, "kernel", "Open vSwitch is there for the kernel fast path");
  } else if (usable(kernel.vxlan) && kernel.bpf != Presence::absent) {
    add(to, Severity::fine, "kernel", "VXLAN and BPF are there for the kernel fast path");
  } else if (kernel.openvswitch == Presence::unknown || kernel.vxlan == Presence::unknown) {
    add(to, Severity::note, "kernel", "whether there is a kernel fast path cannot be told before a launch",
        fmt::format("nothing describes the modules of kernel {}", kernel.release),
        "'weave launch'; then 'weave status connections' shows whether fastdp carries the traffic");
  } else {
    add(to, Severity::warning, "kernel", "no kernel fast path, all traffic will go by sleeve",
        fmt::format("kernel {} has neither the module openvswitch nor VXLAN with BPF", kernel.release),
        "'modprobe openvswitch' or 'modprobe vxlan'; some distributions have them in a package of extra kernel "
        "modules");
  }
}

void check_kernel(Findings& to, KernelFacts const& kernel) {
  check_fast_path(to, kernel);
  for (auto const& [name, presence] : {std::pair{"tun", kernel.tun}, std::pair{"bridge", kernel.bridge}}) {
    if (presence != Presence::absent) continue;
    add(to, Severity::error, "kernel", fmt::format("the daemon cannot start without {}", name),
        fmt::format("kernel {} does not have it{}", kernel.release,
                    std::string_view{name} == "tun" ? ", or there is no /dev/net/tun" : ""),
        fmt::format("'modprobe {}'", name));
  }
  if (kernel.esp == Presence::absent) {
    add(to, Severity::note, "kernel", "with a password, traffic will go by sleeve",
        "this kernel has no ESP to encrypt the fast path", "'modprobe esp4', if you use a password");
  }
  if (kernel.filters_bridged_frames.value_or(false)) {
    add(to, Severity::note, "kernel", "frames between containers pass iptables",
        "net.bridge.bridge-nf-call-iptables is 1, as Docker wants it", "nothing: weave keeps a rule for its own");
  }
}

/// Docker takes what `iptables` was when it started.
void check_back_end_of_docker(Findings& to, FirewallFacts const& firewall) {
  if (!firewall.docker_in_legacy && !firewall.docker_in_nft) return;
  auto const* const place = firewall.docker_in_legacy ? "legacy" : "nf_tables";
  if (firewall.docker_in_legacy && firewall.docker_in_nft) {
    add(to, Severity::warning, "firewall", "Docker has rules in both kinds of iptables",
        "it was started once with each, and the older rules still count",
        "'systemctl restart docker' after a reboot, which leaves one kind only");
  } else if (firewall.backend != place) {
    add(to, Severity::warning, "firewall", fmt::format("Docker filters by the {} kind of iptables", place),
        fmt::format("'iptables' is of the {} kind now and does not show Docker's rules", firewall.backend),
        "'systemctl restart docker', or 'update-alternatives --config iptables' for the other kind");
  } else {
    add(to, Severity::fine, "firewall", fmt::format("Docker's rules are in {} as well", place));
  }
}

void check_firewall(Findings& to, FirewallFacts const& firewall) {
  if (!firewall.installed) {
    return add(to, Severity::note, "firewall", "'weave expose' cannot masquerade", "there is no program iptables",
               "install the package iptables, if you need that");
  }
  if (!firewall.obstacle.empty()) {
    return add(to, Severity::error, "firewall", "iptables cannot be looked at", firewall.obstacle,
               "'fuser -v /run/xtables.lock' shows a program that holds it; end that one");
  }
  if (firewall.legacy_rules > 0 && firewall.nft_rules > 0) {
    add(to, Severity::warning, "firewall", "iptables rules are in two places, and every packet passes both",
        fmt::format("{} rules are in legacy tables, {} in nf_tables; 'iptables' shows those of {}",
                    firewall.legacy_rules, firewall.nft_rules, firewall.backend),
        "'iptables-legacy-save' and 'iptables-nft-save' show them; choose one by 'update-alternatives --config "
        "iptables' and reboot");
  } else {
    add(to, Severity::fine, "firewall", fmt::format("iptables uses {}", firewall.backend));
  }
  check_back_end_of_docker(to, firewall);
  if (firewall.rejects_forwarded) {
    add(to, Severity::warning, "firewall", "traffic between containers may be rejected",
        "the chain FORWARD ends with '-j REJECT --reject-with icmp-host-prohibited'",
        "'iptables -D FORWARD -j REJECT --reject-with icmp-host-prohibited'");
  }
}

std::string user_of(SocketUse const& use) {
  return use.program.empty() ? std::string{"a process that only root can see, or the kernel"}
                             : fmt::format("{} (pid {})", use.program, use.pid);
}

void check_ports(Findings& to, HostFacts const& facts) {
  bool free = true;
  for (auto const& use : facts.sockets) {
    // Root sees all programs, so this is the kernel's: the fast path, which goes on while weave is stopped.
    bool const fast_path = facts.root && use.program.empty() && !use.tcp && use.port == facts.port + 1;
    if (use.program == kDaemon || fast_path || (use.program.empty() && facts.report)) continue;
    auto const name = fmt::format("{} port {}", use.tcp ? "TCP" : "UDP", use.port);
    bool const towards_peers = use.port == facts.port || (!use.tcp && use.port == facts.port + 1);
    bool const in_way_of_dns =
        use.port == kDnsPort && facts.dns_wanted && (!use.address || use.address == facts.docker_bridge);
    if (towards_peers) {
      add(to, Severity::error, "ports", fmt::format("{} is not free for the daemon", name),
          fmt::format("{} has it", user_of(use)),
          "end that program, or 'weave launch --port' with another, on all hosts");
    } else if (in_way_of_dns) {
      add(to, Severity::error, "ports", fmt::format("{} is not free for weave's name server", name),
          fmt::format("{} has it", user_of(use)),
          "have that program leave Docker's bridge alone, or 'weave launch --dns-listen-address' with another address, "
          "or --no-dns");
    } else if (use.tcp && use.port == facts.status_port) {
      add(to, Severity::error, "ports", fmt::format("{} is not free for status and metrics", name),
          fmt::format("{} has it", user_of(use)),
          "end that program, or 'weave launch' with WEAVE_STATUS_ADDR=127.0.0.1:PORT for another port");
    } else {
      continue;
    }
    free = false;
  }
  if (free) {
    add(to, Severity::fine, "ports",
        fmt::format("TCP and UDP {}, UDP {} and 53 are free or the daemon's own", facts.port, facts.port + 1));
  }
}

bool overlaps(Ipv4Cidr const& one, Ipv4Cidr const& other) {
  return one.range().contains(other.network().address) || other.range().contains(one.network().address);
}

void check_range(Findings& to, HostFacts const& facts) {
  if (!facts.range) return;
  auto const& range = *facts.range;
  auto const clash = std::ranges::find_if(facts.routes, [&](RouteFact const& route) {
    return route.device != facts.bridge && overlaps(range, route.destination);
  });
  if (clash == facts.routes.end()) {
    return add(to, Severity::fine, "range", fmt::format("{} overlaps with no route of this host", range.to_string()));
  }
  add(to, facts.range_is_default ? Severity::error : Severity::warning, "range",
      fmt::format("the range {} of containers overlaps with an existing route", range.to_string()),
      fmt::format("this host reaches {} by {}", clash->destination.to_string(), clash->device),
      "'weave launch --ipalloc-range' with another range, the same on all hosts");
}

void check_clock(Findings& to, HostFacts const& facts) {
  if (facts.year < kOldestSensibleYear) {
    return add(to, Severity::error, "clock", "the clock is wrong", fmt::format("it says the year {}", facts.year),
               "'timedatectl set-ntp true', or 'date -s'");
  }
  if (facts.clock_synchronised == false) {
    return add(to, Severity::note, "clock", "the clock is not kept in step",
               "the kernel has heard of no time server; names removed on one host may linger on another whose clock is "
               "off by minutes",
               "'timedatectl set-ntp true'");
  }
  add(to, Severity::fine, "clock", "the clock is in step");
}

bool is_ours(DockerNetworkFact const& network) { return network.driver == "weave" || network.driver == "weavemesh"; }

void check_networks(Findings& to, HostFacts const& facts) {
  std::vector<std::string> ours;
  for (auto const& network : facts.docker.networks) {
    if (is_ours(network)) {
      ours.push_back(network.name);
    } else if (network.name == "weave") {
      add(to, Severity::error, "docker", "'docker run --net=weave' does not mean this weave",
          fmt::format("Docker has a network weave of the driver {}", network.driver),
          "'docker network rm weave', when no container uses it");
    }
  }
  if (!ours.empty() && !facts.report) {
    add(to, Severity::warning, "docker", "Docker pauses or fails where containers of weave are concerned",
        fmt::format("it has weave's networks ({}), and the daemon does not run", fmt::join(ours, ", ")),
        "'weave launch', or 'docker network rm' for those that are not used any more");
  }
}

void check_docker(Findings& to, HostFacts const& facts) {
  auto const& docker = facts.docker;
  if (docker.hangs) {
    return add(to, Severity::error, "docker", "Docker hangs", docker.obstacle,
               "'journalctl -u docker' and 'weave status' show what it waits for; 'systemctl restart docker' ends it");
  }
  if (!docker.obstacle.empty()) {
    return add(to, Severity::warning, "docker", "containers cannot be attached", docker.obstacle,
               "'systemctl start docker'; DOCKER_HOST names another place");
  }
  if (docker.too_old) {
    add(to, Severity::error, "docker", "this Docker is too old", fmt::format("it is {}", docker.version),
        "a Docker with API 1.21 or newer (1.9.0)");
  } else {
    add(to, Severity::fine, "docker", fmt::format("Docker {} answers at {}", docker.version, docker.endpoint));
  }
  check_networks(to, facts);
}

void check_leftovers(Findings& to, HostFacts const& facts) {
  for (auto const& leftover : facts.leftovers) {
    add(to, Severity::warning, "leftovers", fmt::format("the interface {} is without a container", leftover.name),
        leftover.why, fmt::format("'ip link delete {}'", leftover.name));
  }
}

} // namespace

std::vector<Finding> diagnose_host(HostFacts const& facts) {
  Findings findings;
  if (!facts.root) {
    add(findings, Severity::note, "doctor", "not everything can be seen", "this needs root", "'sudo weave doctor'");
  }
  check_kernel(findings, facts.kernel);
  check_firewall(findings, facts.firewall);
  check_ports(findings, facts);
  check_range(findings, facts);
  check_clock(findings, facts);
  check_docker(findings, facts);
  check_leftovers(findings, facts);
  return findings;
}

} // namespace weave::tools
