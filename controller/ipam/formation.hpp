#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/peer_name.hpp"
#include "base/result.hpp"

namespace weave::controller::ipam {

/// How this peer takes part in forming the ring (`--ipalloc-init`, protocol/ipam-dns.md §8).
struct Formation {
  enum class Mode {
    elector,  ///< votes, and proposes when it needs addresses
    observer, ///< waits for the electors
    seeds     ///< forms the ring at once from the given names
  };
  Mode mode = Mode::elector;
  std::vector<PeerName> seeds;
  /// `consensus=<n>`: the number of initial peers, ourselves included.
  std::optional<std::uint32_t> peer_count;

  friend bool operator==(Formation const&, Formation const&) = default;
};

/// Parses `consensus`, `consensus=<n>`, `seed=<name>,...`, `observer`. The error text completes
/// `Unable to parse --ipalloc-init: <why>`.
[[nodiscard]] Result<Formation> parse_formation(std::string_view text);

/// More than half of the initial peers: of the given number, else of the configured peers other than ourselves plus us.
[[nodiscard]] std::uint32_t quorum_of(Formation const& formation, std::uint32_t configured_peers);

} // namespace weave::controller::ipam
