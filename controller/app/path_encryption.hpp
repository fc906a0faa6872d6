#pragma once

#include <cstdint>
#include <memory>

#include "base/fd_watcher.hpp"
#include "base/logger.hpp"
#include "base/peer_name.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "datapath/ipsec/kernel_xfrm.hpp"
#include "datapath/ipsec/protection.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::controller {

/// Encryption of the kernel fast path on a host with a password, wired: from open() on no VXLAN packet leaves this host
/// in clear or is taken, but where peers trust the network. Destroying it leaves that in the kernel. Control thread.
class PathEncryption {
 public:
  struct Ports {
    Scheduler& scheduler;
    FdWatcher& watcher;
    datapath::RouteSocket& routes;
    Logger logger;
  };

  /// Before VXLAN is opened on this port. refused: this kernel cannot encrypt VXLAN, the text says what it lacks.
  [[nodiscard]] static Result<std::unique_ptr<PathEncryption>> open(PeerName self, std::uint16_t udp_port, Ports ports);
  PathEncryption(PathEncryption const&) = delete;
  PathEncryption& operator=(PathEncryption const&) = delete;

  [[nodiscard]] datapath::ipsec::Protection& protection() { return protection_; }

 private:
  PathEncryption(PeerName self, std::unique_ptr<datapath::ipsec::KernelXfrm> kernel, Ports const& ports);

  std::unique_ptr<datapath::ipsec::KernelXfrm> kernel_;
  SystemRandom random_;
  datapath::ipsec::Protection protection_;
};

/// Whether a process with a password has left associations or policies in the kernel.
[[nodiscard]] Result<bool> path_encryption_left();

/// Takes all of it out of the kernel, whichever process has put it there. Only when nothing sends VXLAN any more that
/// has to be encrypted.
[[nodiscard]] Result<void> remove_path_encryption();

} // namespace weave::controller
