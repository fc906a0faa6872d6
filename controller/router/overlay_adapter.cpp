#include "controller/router/overlay_adapter.hpp"

#include <utility>

#include "datapath/tunnel/sleeve_suite.hpp"

namespace weave::controller::router {
namespace {

class ConnectionAdapter final : public gossip::OverlayConnection {
 public:
  ConnectionAdapter(std::unique_ptr<datapath::TunnelSwitch> tunnels, datapath::FastpathLinks* links, PeerName remote,
                    ConnectionUid connection)
      : tunnels_{std::move(tunnels)}, links_{links}, remote_{remote}, connection_{connection} {}
  ConnectionAdapter(ConnectionAdapter const&) = delete;
  ConnectionAdapter& operator=(ConnectionAdapter const&) = delete;
  ~ConnectionAdapter() override {
    tunnels_.reset();
    if (links_ != nullptr) links_->remove(remote_, connection_);
  }

  void confirm() override {
    tunnels_->confirm();
    if (links_ != nullptr) links_->confirm(remote_, connection_);
  }
  void on_control(std::uint8_t tag, ByteView body) override { tunnels_->on_control(tag, body); }
  std::map<std::string, std::string> attributes() const override { return tunnels_->attributes(); }
  std::string explanation() const override { return tunnels_->explanation(); }

 private:
  std::unique_ptr<datapath::TunnelSwitch> tunnels_;
  datapath::FastpathLinks* links_;
  PeerName remote_;
  ConnectionUid connection_;
};

std::optional<std::string> feature_of(gossip::Features const& features, std::string_view name) {
  auto const found = features.find(std::string{name});
  if (found == features.end()) return std::nullopt;
  return found->second;
}

bool has_liveness(gossip::Features const& features) { return feature_of(features, kLivenessFeature).has_value(); }

std::function<void(std::optional<std::string>)> reporter(datapath::FastpathLinks* links, PeerName remote,
                                                         ConnectionUid connection) {
  if (links == nullptr) return {};
  return [links, remote, connection](std::optional<std::string> const& forwarder) {
    links->set_best(remote, connection, forwarder);
  };
}

} // namespace

void OverlayAdapter::add_features(gossip::Features& features) const {
  features[std::string{datapath::kOverlaysFeature}] = tunnels_.feature();
  if (auto const& suites = datapath::sleeve_suites_of_this_host(); !suites.empty()) {
    features[std::string{datapath::kSleeveSuitesFeature}] = suites;
  }
  if (links_ != nullptr) features.insert_or_assign(std::string{kLivenessFeature}, std::string{kLivenessVersion});
}

Result<std::unique_ptr<gossip::OverlayConnection>> OverlayAdapter::prepare(
    gossip::OverlayConnectionParameters parameters) {
  auto const remote = parameters.remote;
  auto const connection = parameters.connection_uid;
  auto tunnels = tunnels_.prepare({
      .peer = {.remote = remote,
               .nickname = std::move(parameters.remote_nickname),
               .short_id = parameters.remote_short_id,
               .connection = connection,
               .outbound = parameters.outbound,
               .local = parameters.local,
               .endpoint = parameters.remote_endpoint,
               .session_key = std::move(parameters.session_key),
               .liveness = has_liveness(parameters.features) && has_liveness(parameters.announced),
               .our_suites = feature_of(parameters.announced, datapath::kSleeveSuitesFeature).value_or(""),
               .their_suites = feature_of(parameters.features, datapath::kSleeveSuitesFeature).value_or("")},
      .overlays = feature_of(parameters.features, datapath::kOverlaysFeature),
      .announced = feature_of(parameters.announced, datapath::kOverlaysFeature),
      .send_control = std::move(parameters.send_control),
      .on_established = std::move(parameters.on_established),
      .on_error = std::move(parameters.on_error),
      .on_best = reporter(links_, remote, connection),
  });
  if (!tunnels) return failure_of(tunnels);
  return std::make_unique<ConnectionAdapter>(std::move(*tunnels), links_, remote, connection);
}

} // namespace weave::controller::router
