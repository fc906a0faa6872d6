#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/fd_watcher.hpp"
#include "base/logger.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "controller/app/options.hpp"
#include "datapath/fastpath/fast_path.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/sandbox_interface.hpp"

namespace weave::controller {

/// What every kernel fast path is made from.
struct FastPathSetup {
  FastPathChoice choice = FastPathChoice::automatic;
  PeerName self;
  std::string bridge = "weave";
  /// Of Open vSwitch; empty: "datapath" or, without a bridge, the name that the bridge would have.
  std::string datapath;
  /// Bytes of a container's IP packet.
  std::uint32_t mtu = 0;
  /// Where VXLAN listens.
  std::uint16_t udp_port = 0;
};

struct FastPathPorts {
  Scheduler& scheduler;
  FdWatcher& watcher;
  datapath::Links& links;
  Logger logger;
  /// Brings a call from another thread to the control thread.
  std::function<void(std::function<void()>)> post;
  datapath::FastPathEvents events;
};

/// One, or why there is none: `path` is null then.
struct ChosenPath {
  std::unique_ptr<datapath::FastPath> path;
  /// Empty if none was wanted.
  std::string why_none = {};
};

/// Climbs down the ladder Open vSwitch, VXLAN with BPF, none, until one can be set up or adopted, and removes what
/// other rungs have left in the kernel: two of them at once would carry frames twice. None: all goes by sleeve; says in
/// the log why, too. An error only if one was asked for by name and cannot be had.
[[nodiscard]] Result<ChosenPath> choose_fast_path(FastPathSetup const& setup, FastPathPorts const& ports);

/// Open vSwitch in the place of the bridge.
struct UnbridgedPath {
  std::unique_ptr<datapath::FastPath> path;
  /// Makes a container's interface a port of it. Lives as long as the path.
  datapath::PlugIn plug_in;
};

/// Sets it up or adopts it. not_found: this kernel has no Open vSwitch; already_exists: there is a bridge of that name,
/// or the UDP port is somebody else's.
[[nodiscard]] Result<UnbridgedPath> open_unbridged_path(FastPathSetup const& setup, FastPathPorts const& ports);

/// Ends what the kernel forwards to other hosts by what it knows: VXLAN devices and flows go. What is plugged in stays,
/// frames wait for a daemon. `datapath` as below; goes on after a failure and reports the first.
[[nodiscard]] Result<void> end_forwarding(datapath::Links& links, std::string const& bridge,
                                          std::string const& datapath);

/// Removes every kernel fast path of ours from this host; `datapath` empty: of the default name. Goes on after a
/// failure and reports the first.
[[nodiscard]] Result<void> remove_fast_paths(datapath::Links& links, std::string const& bridge,
                                             std::string const& datapath);

} // namespace weave::controller
