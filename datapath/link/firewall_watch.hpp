#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "datapath/link/nftables_watch.hpp"

namespace weave::datapath {

/// What somebody may have done to the firewall.
enum class FirewallTouch {
  none,
  some, ///< the tables were changed, or may have been
  loss  ///< rules were deleted where ours are, perhaps they themselves
};

/// Notices that somebody may have changed what OverlayFirewall has put into iptables, without running a program: the
/// back end nf_tables tells of changes, the older one (ip_tables) is asked for the size of its tables. Of the network
/// namespace in which it was opened; read from a thread in it. CAP_NET_ADMIN and CAP_NET_RAW are needed.
class FirewallWatch {
 public:
  [[nodiscard]] static Result<FirewallWatch> open();

  /// Readable when nf_tables has told something.
  [[nodiscard]] int fd() const { return nftables_.fd(); }
  /// Takes what it has told about the tables of iptables, firewalld and our own.
  [[nodiscard]] Result<FirewallTouch> touched();
  /// Whether tables of the older back end have other rules than at the last call, as far as their number and length
  /// show it. The first call says no.
  [[nodiscard]] bool older_tables_changed();

 private:
  FirewallWatch(NftablesWatch nftables, UniqueFd tables) : nftables_{std::move(nftables)}, tables_{std::move(tables)} {}
  [[nodiscard]] std::string older_tables() const;

  NftablesWatch nftables_;
  UniqueFd tables_;
  std::optional<std::string> older_;
};

} // namespace weave::datapath
