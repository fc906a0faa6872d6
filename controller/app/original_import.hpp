#pragma once

#include <optional>
#include <string>

#include "base/address.hpp"
#include "base/logger.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "controller/app/store_service.hpp"
#include "controller/bolt/original_state.hpp"

namespace weave::controller {

struct ImportSettings {
  /// A path; `none`: import nothing; empty: look in the known places.
  std::string file;
  std::string state_dir;
  /// Where the host's file system begins, if not at the root.
  std::string host_root;
  /// As for --docker-api; empty: there is none.
  std::string engine = {};
  /// Of the command line; data of another peer are not ours.
  std::optional<PeerName> name;
  /// Of a bridge that is there already: the original names itself after it, so a file that was only found must agree.
  std::optional<PeerName> bridge_name;
  /// Absent: nothing is allocated, so every range will do.
  std::optional<Ipv4Range> universe;
};

/// Takes over, once, what an original Weave Net knew on this host (protocol/ipam-dns.md §9): peer name, ring, owned
/// addresses, direct peers. A file that is named counts as long as we have no ring; the known places, only before our
/// first start: `weavedata.db` and `weave-netdata.db` in the state directory, and the volume of container weavedb, for
/// which the engine is asked (two seconds at most; its own files where it does not answer). The file is only read,
/// under the lock that a running original would hold. The log says what was taken and what was not, and why. True if
/// something was.
///
/// Everything that keeps a file from being read or used is fatal, also for one that was only found: it may be the only
/// record of who has which address, and after a first start without it nobody would look again. The text says how to go
/// on without it.
[[nodiscard]] Result<bool> import_original(ImportSettings const& settings, StoreService& store, Logger const& logger);

/// What of the state is of use, by the rules of §9.3; nothing if it is no peer's, refused if it is another peer's or of
/// another range. Pure but for the log.
[[nodiscard]] Result<std::optional<Inheritance>> inheritance_of(bolt::OriginalState state,
                                                                ImportSettings const& settings, std::string const& path,
                                                                Logger const& logger);

} // namespace weave::controller
