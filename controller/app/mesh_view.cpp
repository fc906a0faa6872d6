#include "controller/app/mesh_view.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/health.hpp"

namespace weave::controller {

std::optional<std::string> MeshKnowledge::nickname(PeerName peer) const {
  if (!mesh_.knows(peer)) return std::nullopt;
  return mesh_.nickname(peer);
}

std::vector<PeerName> MeshKnowledge::reachable_peers() const {
  auto peers = mesh_.peers();
  std::erase(peers, mesh_.name());
  return peers;
}

std::string MeshKnowledge::initial_peers() const {
  if (initial_targets_.empty()) return {};
  std::vector<std::string> missing;
  for (auto const& connection : mesh_.status().connections) {
    using enum gossip::ConnectionState;
    if (connection.state == established || connection.state == pending || !connection.outbound) continue;
    if (api::leads_to_ourself(connection.last_error)) continue;
    missing.push_back(connection.address);
  }
  auto const wanted = initial_targets_.size();
  auto const reached = wanted - std::min(wanted, missing.size());
  if (missing.empty()) return fmt::format("{} of {} initial peers reachable", reached, wanted);
  return fmt::format("{} of {} initial peers reachable; missing {}", reached, wanted, fmt::join(missing, ", "));
}

} // namespace weave::controller
