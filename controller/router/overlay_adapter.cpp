#include "controller/router/overlay_adapter.hpp"

#include <utility>

namespace weave::controller::router {
namespace {

class ConnectionAdapter final : public gossip::OverlayConnection {
 public:
  explicit ConnectionAdapter(std::unique_ptr<datapath::TunnelSwitch> tunnels) : tunnels_{std::move(tunnels)} {}

  void confirm() override { tunnels_->confirm(); }
  void on_control(std::uint8_t tag, ByteView body) override { tunnels_->on_control(tag, body); }
  std::map<std::string, std::string> attributes() const override { return tunnels_->attributes(); }

 private:
  std::unique_ptr<datapath::TunnelSwitch> tunnels_;
};

std::optional<std::string> overlays_of(gossip::Features const& features) {
  auto const found = features.find(std::string{datapath::kOverlaysFeature});
  if (found == features.end()) return std::nullopt;
  return found->second;
}

} // namespace

void OverlayAdapter::add_features(gossip::Features& features) const {
  features[std::string{datapath::kOverlaysFeature}] = tunnels_.feature();
}

Result<std::unique_ptr<gossip::OverlayConnection>> OverlayAdapter::prepare(
    gossip::OverlayConnectionParameters parameters) {
  auto overlays = overlays_of(parameters.features);
  auto tunnels = tunnels_.prepare({
      .peer = {.remote = parameters.remote,
               .nickname = std::move(parameters.remote_nickname),
               .short_id = parameters.remote_short_id,
               .connection = parameters.connection_uid,
               .outbound = parameters.outbound,
               .local = parameters.local,
               .endpoint = parameters.remote_endpoint,
               .session_key = std::move(parameters.session_key)},
      .overlays = std::move(overlays),
      .send_control = std::move(parameters.send_control),
      .on_established = std::move(parameters.on_established),
      .on_error = std::move(parameters.on_error),
  });
  if (!tunnels) return failure_of(tunnels);
  return std::make_unique<ConnectionAdapter>(std::move(*tunnels));
}

} // namespace weave::controller::router
