#pragma once

#include "datapath/tunnel/tunnel_overlay.hpp"
#include "gossip/overlay.hpp"

namespace weave::controller::router {

/// The data plane behind the mesh's Overlay port: translates parameters and nothing else. Control thread only; the
/// tunnel overlay outlives it.
class OverlayAdapter final : public gossip::Overlay {
 public:
  explicit OverlayAdapter(datapath::TunnelOverlay& tunnels) : tunnels_{tunnels} {}

  void add_features(gossip::Features& features) const override;
  [[nodiscard]] Result<std::unique_ptr<gossip::OverlayConnection>> prepare(
      gossip::OverlayConnectionParameters parameters) override;

 private:
  datapath::TunnelOverlay& tunnels_;
};

} // namespace weave::controller::router
