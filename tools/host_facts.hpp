#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "controller/api/messages.hpp"
#include "tools/findings.hpp"
#include "tools/peer_probes.hpp"

namespace weave::tools {

enum class Presence {
  present,  ///< in the running kernel
  loadable, ///< as a module
  absent,   ///< neither
  unknown   ///< the kernel does not tell
};

struct KernelFacts {
  std::string release;
  Presence openvswitch = Presence::unknown;
  Presence vxlan = Presence::unknown;
  Presence bpf = Presence::unknown;
  Presence esp = Presence::unknown;
  Presence tun = Presence::unknown;
  Presence bridge = Presence::unknown;
  std::optional<bool> filters_bridged_frames; ///< net.bridge.bridge-nf-call-iptables; absent: no br_netfilter
};

struct FirewallFacts {
  bool installed = false;
  std::string backend;          ///< of the program `iptables`: "nf_tables" or "legacy"
  std::size_t legacy_rules = 0; ///< in the IPv4 tables of each
  std::size_t nft_rules = 0;
  bool rejects_forwarded = false; ///< the rule of some distributions at the end of FORWARD
  bool docker_in_legacy = false;  ///< Docker's chains are in these tables
  bool docker_in_nft = false;
  std::string obstacle = {}; ///< a program that was not done in time; empty: none
};

/// A local end that somebody listens on.
struct SocketUse {
  bool tcp = false;
  std::optional<Ipv4Address> address; ///< absent: all
  std::uint16_t port = 0;
  std::string program; ///< empty: not known, or the kernel itself
  int pid = 0;

  friend bool operator==(SocketUse const&, SocketUse const&) = default;
};

struct RouteFact {
  Ipv4Cidr destination;
  std::string device;
};

struct DockerNetworkFact {
  std::string name;
  std::string driver;
};

/// An interface of this host that should be a container's.
struct LeftoverFact {
  std::string name;
  std::string why;
};

struct DockerFacts {
  std::string endpoint;
  std::string obstacle; ///< why it cannot be asked; empty: it answered
  bool hangs = false;   ///< it did not answer in time
  std::string version;
  bool too_old = false;
  std::vector<DockerNetworkFact> networks;
  std::optional<std::vector<std::string>> endpoints = {}; ///< ids of those of running containers; absent: not known
};

/// What `weave doctor` knows of this host. Plain data.
struct HostFacts {
  bool root = false;
  KernelFacts kernel;
  FirewallFacts firewall;
  std::vector<SocketUse> sockets;
  std::string bridge = "weave";
  std::uint16_t port = 6783;
  std::optional<std::uint16_t> status_port = 6782; ///< of the read-only API on TCP; absent: off
  bool dns_wanted = true;
  bool encrypted = false; ///< with a password
  std::optional<Ipv4Address> docker_bridge;
  std::optional<Ipv4Cidr> range;
  bool range_is_default = true;
  std::vector<RouteFact> routes; ///< without the default route
  std::vector<LeftoverFact> leftovers;
  std::uint32_t needed_packet = 0; ///< bytes that the network has to carry for the fast path at the MTU asked for
  std::vector<PeerProbe> probes;
  std::string targets_obstacle; ///< why the stored list of peers cannot be read
  std::optional<bool> clock_synchronised;
  int year = 0;
  DockerFacts docker;
  std::optional<controller::api::StatusReport> report; ///< of the daemon, if it runs
  Finding absence = {};                                ///< without a report: what is known of the daemon
};

} // namespace weave::tools
