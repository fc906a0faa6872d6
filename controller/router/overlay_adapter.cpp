#include "controller/router/overlay_adapter.hpp"

#include <map>
#include <utility>

#include "datapath/tunnel/sleeve_special.hpp"
#include "datapath/tunnel/sleeve_suite.hpp"

namespace weave::controller::router {
class OverlayAdapter::Connection final : public gossip::OverlayConnection {
 public:
  Connection(OverlayAdapter& adapter, std::unique_ptr<datapath::TunnelSwitch> tunnels, PeerName remote,
             std::string nickname, ConnectionUid connection)
      : adapter_{adapter},
        tunnels_{std::move(tunnels)},
        remote_{remote},
        nickname_{std::move(nickname)},
        connection_{connection} {}
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;
  ~Connection() override {
    std::erase(adapter_.confirmed_, this);
    tunnels_.reset();
    if (adapter_.links_ != nullptr) adapter_.links_->remove(remote_, connection_);
  }

  void confirm() override {
    tunnels_->confirm();
    if (adapter_.links_ != nullptr) adapter_.links_->confirm(remote_, connection_);
    adapter_.confirmed_.push_back(this);
  }
  void on_control(std::uint8_t tag, ByteView body) override { tunnels_->on_control(tag, body); }
  std::map<std::string, std::string> attributes() const override { return tunnels_->attributes(); }
  std::string explanation() const override { return tunnels_->explanation(); }
  void add_paths(std::map<std::pair<PeerName, std::string>, PathStatus>& paths) const {
    for (auto const& [name, quality] : tunnels_->qualities()) {
      paths.insert_or_assign({remote_, name}, PathStatus{remote_, nickname_, name, quality});
    }
  }

  NeighbourPaths neighbour() const { return {.peer = remote_, .paths = tunnels_->states()}; }

 private:
  OverlayAdapter& adapter_;
  std::unique_ptr<datapath::TunnelSwitch> tunnels_;
  PeerName remote_;
  std::string nickname_;
  ConnectionUid connection_;
};

namespace {

std::optional<std::string> feature_of(gossip::Features const& features, std::string_view name) {
  auto const found = features.find(std::string{name});
  if (found == features.end()) return std::nullopt;
  return found->second;
}

bool both_have(gossip::OverlayConnectionParameters const& parameters, std::string_view feature) {
  return feature_of(parameters.features, feature).has_value() && feature_of(parameters.announced, feature).has_value();
}

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
  features.insert_or_assign(std::string{datapath::kSleeveProbesFeature}, std::string{kSleeveProbesVersion});
  if (links_ != nullptr) features.insert_or_assign(std::string{kLivenessFeature}, std::string{kLivenessVersion});
}

Result<std::unique_ptr<gossip::OverlayConnection>> OverlayAdapter::prepare(
    gossip::OverlayConnectionParameters parameters) {
  auto const remote = parameters.remote;
  auto const connection = parameters.connection_uid;
  auto tunnels = tunnels_.prepare({
      .peer = {.remote = remote,
               .nickname = parameters.remote_nickname,
               .short_id = parameters.remote_short_id,
               .connection = connection,
               .outbound = parameters.outbound,
               .local = parameters.local,
               .endpoint = parameters.remote_endpoint,
               .session_key = std::move(parameters.session_key),
               .liveness = both_have(parameters, kLivenessFeature),
               .sleeve_probes = both_have(parameters, datapath::kSleeveProbesFeature),
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
  return std::make_unique<Connection>(*this, std::move(*tunnels), remote, std::move(parameters.remote_nickname),
                                      connection);
}

std::vector<PathStatus> OverlayAdapter::paths() const {
  // Of two connections to a peer, which there are for a moment, the later one counts.
  std::map<std::pair<PeerName, std::string>, PathStatus> paths;
  for (auto const* const connection : confirmed_) connection->add_paths(paths);
  std::vector<PathStatus> all;
  for (auto& [key, path] : paths) all.push_back(std::move(path));
  return all;
}

std::vector<NeighbourPaths> OverlayAdapter::neighbours() const {
  std::vector<NeighbourPaths> all;
  for (auto const* const connection : confirmed_) all.push_back(connection->neighbour());
  return all;
}

} // namespace weave::controller::router
