#include "datapath/fastpath/fastpath_links.hpp"

namespace weave::datapath {
namespace {

Carrier carrier_of(std::optional<std::string> const& forwarder) {
  if (!forwarder) return Carrier::none;
  return *forwarder == "fastdp" ? Carrier::tunnel : Carrier::user;
}

} // namespace

void FastpathLinks::set_best(PeerName peer, ConnectionUid connection, std::optional<std::string> const& forwarder) {
  auto& link = links_[{peer, connection}];
  link.carrier = carrier_of(forwarder);
  if (counts(peer, connection)) planner_.set_carrier(peer, link.carrier);
}

void FastpathLinks::set_endpoints(PeerName peer, ConnectionUid connection, TunnelEndpoints const& endpoints) {
  links_[{peer, connection}].endpoints = endpoints;
  if (counts(peer, connection)) planner_.set_endpoints(peer, endpoints);
}

void FastpathLinks::confirm(PeerName peer, ConnectionUid connection) {
  confirmed_[peer] = connection;
  auto const& link = links_[{peer, connection}];
  if (link.endpoints) planner_.set_endpoints(peer, *link.endpoints);
  planner_.set_carrier(peer, link.carrier);
}

void FastpathLinks::remove(PeerName peer, ConnectionUid connection) {
  links_.erase({peer, connection});
  if (!counts(peer, connection)) return;
  confirmed_.erase(peer);
  planner_.remove_neighbour(peer);
}

bool FastpathLinks::counts(PeerName peer, ConnectionUid connection) const {
  auto const found = confirmed_.find(peer);
  return found != confirmed_.end() && found->second == connection;
}

} // namespace weave::datapath
