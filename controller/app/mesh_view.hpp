#pragma once

#include <string>
#include <vector>

#include "controller/ipam/ipam_ports.hpp"
#include "gossip/mesh_router.hpp"

namespace weave::controller {

/// What the allocator may know of the mesh. Borrows the router; control thread only.
class MeshKnowledge final : public ipam::MeshView {
 public:
  /// `initial_targets`: the peers named at launch, as typed.
  MeshKnowledge(gossip::MeshRouter& mesh, std::vector<std::string> initial_targets)
      : mesh_{mesh}, initial_targets_{std::move(initial_targets)} {}

  [[nodiscard]] bool is_known(PeerName peer) const override { return mesh_.knows(peer); }
  [[nodiscard]] std::optional<std::string> nickname(PeerName peer) const override;
  [[nodiscard]] std::vector<PeerName> reachable_peers() const override;
  [[nodiscard]] std::string initial_peers() const override;

 private:
  gossip::MeshRouter& mesh_;
  std::vector<std::string> initial_targets_;
};

} // namespace weave::controller
