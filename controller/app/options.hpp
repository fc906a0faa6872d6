#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/logger.hpp"
#include "base/peer_name.hpp"
#include "base/secret.hpp"

namespace weave::controller {

/// `--ipalloc-init`: who decides about the first ring.
struct IpallocInit {
  enum class Mode { consensus, seed, observer };
  Mode mode = Mode::consensus;
  std::uint32_t peers = 0;     ///< of consensus: the initial number of peers, 0 = count those on the command line
  std::vector<PeerName> seeds; ///< of seed

  friend bool operator==(IpallocInit const&, IpallocInit const&) = default;
};

/// Which kernel datapath carries frames between hosts.
enum class FastPathChoice { automatic, openvswitch, bpf, none };

/// What Docker takes the driver `weave` for: one of this host, one of its cluster store, or the managed plugin of its
/// swarm, which hands out all addresses itself and is all that is served then.
enum class PluginReach { local, global, swarm };

/// The configuration of the daemon (protocol/surfaces.md §4), parsed and checked. Plain data.
struct Options {
  std::vector<std::string> peers; ///< as typed

  std::optional<Ipv4Address> host;
  std::uint16_t port = 6783;
  int min_protocol_version = 1;
  bool resume = false;
  std::string weave_bridge = "weave";
  std::optional<PeerName> name; ///< absent: derived
  std::string nickname;         ///< the host's name unless given
  LogLevel log_level = LogLevel::info;
  std::uint32_t conn_limit = 200; ///< 0 = none
  bool no_discovery = false;
  FastPathChoice fast_path = FastPathChoice::automatic;
  /// Between the bridge and Open vSwitch stands a veth pair; false: containers are ports of the datapath itself.
  bool bridged_fastdp = true;
  std::string datapath;                   ///< of Open vSwitch; empty: "datapath" or, unbridged, the bridge's name
  std::uint16_t mtu = 0;                  ///< 0 = computed
  std::shared_ptr<Secret const> password; ///< null: none, or in a file
  std::string password_file;
  /// Connections where both ends trust the other's address carry frames in clear, password or not.
  std::vector<Ipv4Cidr> trusted_subnets;
  bool require_encryption = false; ///< connections that would carry frames in clear are refused; needs a password
  bool no_multicast_route = false;
  bool no_masq_local = false; ///< what goes to containers of this host is not masqueraded

  std::string http_addr;    ///< besides the control socket; empty = off
  std::string status_addr;  ///< empty = off
  std::string metrics_addr; ///< metrics alone; empty = nowhere
  std::string run_dir = "/run/weave";
  std::string state_dir = "/var/lib/weave";
  std::string host_root;
  std::string import_file; ///< an original's database; "none": not even one that is found; empty: what is found

  IpallocInit ipalloc_init;
  std::optional<Ipv4Cidr> ipalloc_range;          ///< absent = allocation off
  std::optional<Ipv4Cidr> ipalloc_default_subnet; ///< absent: the range
  bool ipalloc_range_given = false;               ///< false: the default, whose clash with a route is an error

  std::string docker_api; ///< empty = do not talk to Docker
  bool plugin = true;
  std::string plugin_socket = "/run/docker/plugins/weave.sock";          ///< empty = without this driver
  std::string plugin_mesh_socket = "/run/docker/plugins/weavemesh.sock"; ///< empty = without this driver
  PluginReach plugin_reach = PluginReach::local;
  bool plugin_v2_multicast = false;

  bool dns = true;
  std::string dns_domain = "weave.local."; ///< with the final dot
  std::optional<Ipv4Endpoint> dns_listen;  ///< absent: port 53 of Docker's bridge
  std::string docker_bridge = "docker0";
  std::uint32_t dns_ttl = 1; ///< seconds
  std::chrono::milliseconds dns_fallback_timeout{5000};
  std::string resolv_conf = "/etc/resolv.conf"; ///< names the servers that other questions go to

  bool print_peer_name = false; ///< print it and exit
  bool cleanup = false;         ///< remove devices and rules of an earlier run and exit; the rest is not checked then

  std::map<std::string, std::string> given; ///< flag → value as typed, secrets redacted
  std::vector<std::string> warnings;        ///< to be logged: options without effect

  [[nodiscard]] std::string control_socket() const { return run_dir + "/control.sock"; }
  [[nodiscard]] std::string database() const { return state_dir + "/state.db"; }
  /// Exists while a start of the daemon counts as a restart (the persisted targets are used, not `peers`): the daemon
  /// makes it after its first good start, `weave launch` and `weave stop` remove it (§3.4).
  [[nodiscard]] std::string restart_mark() const { return state_dir + "/restart.mark"; }
  /// Exists after `weave stop-plugin`; counts in restarts only.
  [[nodiscard]] std::string plugin_off_mark() const { return state_dir + "/plugin-off.mark"; }
};

/// What the options may take from outside the command line.
struct Environment {
  std::function<std::optional<std::string>(std::string const&)> variable;
  std::string hostname;

  /// Of this process.
  [[nodiscard]] static Environment of_process();
};

/// The command line was the end of it: help and version on stdout with code 0, a wrong flag on stderr with code 125, an
/// unusable value as a fatal log line with code 1. The text ends with a newline except for the log.
struct EarlyExit {
  enum class Stream { output, error, log };
  Stream stream = Stream::error;
  std::string text;
  int code = 125;
};

/// Flags and peers in any order; `--flag value`, `--flag=value`; Booleans only `--flag` or `--flag=true|false|1|0|…`;
/// the later of two wins; after `--` only peers. `arguments` without the program's name.
[[nodiscard]] std::expected<Options, EarlyExit> parse_options(std::span<std::string const> arguments,
                                                              Environment const& environment);

/// The log's first line: `Command line options: map[name:value …]`.
[[nodiscard]] std::string options_line(Options const& options);

/// Overwrites the value of `--password` in place, so that a process list does not show it. Call after parsing.
void hide_password(std::span<char*> arguments);

} // namespace weave::controller
