#pragma once

#include <string_view>

#include "datapath/fastpath/fastpath_links.hpp"
#include "datapath/tunnel/tunnel_overlay.hpp"
#include "gossip/overlay.hpp"

namespace weave::controller::router {

/// Announced by peers that can say in heartbeats of the fast path what they hear; ignored by older ones.
inline constexpr std::string_view kLivenessFeature = "FastdpLiveness";
inline constexpr std::string_view kLivenessVersion = "1";

/// The data plane behind the mesh's Overlay port: translates parameters and reports the choice of tunnels, nothing
/// else. Control thread only; the tunnel overlay and `links` (none: nobody wants to know) outlive it and all
/// connections.
class OverlayAdapter final : public gossip::Overlay {
 public:
  explicit OverlayAdapter(datapath::TunnelOverlay& tunnels, datapath::FastpathLinks* links = nullptr)
      : tunnels_{tunnels}, links_{links} {}

  void add_features(gossip::Features& features) const override;
  [[nodiscard]] Result<std::unique_ptr<gossip::OverlayConnection>> prepare(
      gossip::OverlayConnectionParameters parameters) override;

 private:
  datapath::TunnelOverlay& tunnels_;
  datapath::FastpathLinks* links_;
};

} // namespace weave::controller::router
