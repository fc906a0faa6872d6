#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weave::datapath {

/// Tables of nftables that belong to others and matter to the overlay.
struct ForeignTables {
  /// Docker 29 and later keeps its rules there, if told so. Unlike those in iptables they let pass what they are not
  /// about.
  bool docker = false;
  bool firewalld = false;
  /// Chains that drop what is forwarded unless a rule of theirs accepts it, as `inet filter forward`. No rule elsewhere
  /// helps against that.
  std::vector<std::string> closed;

  friend bool operator==(ForeignTables const&, ForeignTables const&) = default;
};

/// From what `nft list chains` prints. Tables of iptables and ours are left out. Pure.
[[nodiscard]] ForeignTables read_foreign_tables(std::string_view chains);

} // namespace weave::datapath
