#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datapath/fastpath/fastpath_links.hpp"
#include "datapath/tunnel/path_quality.hpp"
#include "datapath/tunnel/tunnel_overlay.hpp"
#include "gossip/overlay.hpp"

namespace weave::controller::router {

/// Announced by peers that can say in heartbeats of the fast path what they hear; ignored by older ones.
inline constexpr std::string_view kLivenessFeature = "FastdpLiveness";
inline constexpr std::string_view kLivenessVersion = "1";
/// Of the value of datapath::kSleeveProbesFeature.
inline constexpr std::string_view kSleeveProbesVersion = "1";

/// How good a path to a neighbour is.
struct PathStatus {
  PeerName peer;
  std::string nickname;
  std::string path; ///< "fastdp" or "sleeve"
  datapath::PathQuality quality;
};

/// All paths to a neighbour, best first.
struct NeighbourPaths {
  PeerName peer;
  std::vector<datapath::TunnelState> paths;
};

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
  /// Of each path of each confirmed connection whose two ends measure it; one of a peer and kind.
  [[nodiscard]] std::vector<PathStatus> paths() const;
  /// Of each confirmed connection.
  [[nodiscard]] std::vector<NeighbourPaths> neighbours() const;

 private:
  class Connection;

  datapath::TunnelOverlay& tunnels_;
  datapath::FastpathLinks* links_;
  std::vector<Connection const*> confirmed_; // in this order
};

} // namespace weave::controller::router
