#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/process/subprocess.hpp"
#include "base/result.hpp"

namespace weave::datapath {

/// Which rules of an original Weave Net are meant.
struct OriginalRules {
  std::string bridge;
  std::string docker_bridge;
  /// Of its router.
  std::uint16_t port = 6783;
};

/// Input for `iptables-restore --noflush` that takes away what an original Weave Net has left (protocol/surfaces.md
/// §15.2, protocol/datapath.md §7.4), given what `iptables-save` prints; empty if there is nothing. Chains whose names
/// ours have too (`WEAVE`, `WEAVE-EXPOSE`) are left to OverlayFirewall, which fills them anew or removes them. Others'
/// rules may look like its own: without a sign that only it leaves, nothing goes, and of two that are the same, one.
/// Pure.
[[nodiscard]] std::string original_rules_removal(OriginalRules const& which, std::string_view saved);

/// Takes them out of iptables' tables, of both kinds that a host may have: the original brought an iptables of its own,
/// which need not be of the kind that the host uses. Gives how many tables had something. Without iptables there is
/// nothing to do. Blocking, tens of milliseconds; `converse` is replaced in tests.
[[nodiscard]] Result<std::size_t> remove_original_rules(OriginalRules const& which,
                                                        ConverseCommand const& converse = converse_with);

} // namespace weave::datapath
