#include "test/unit/gossip/topology_vectors.hpp"

#include <cstdint>

#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>

namespace weave::test {

std::string text_of(boost::json::value const& value) { return std::string{std::string_view{value.as_string()}}; }

PeerName name_of(boost::json::value const& value) { return PeerName::parse(text_of(value)).value(); }

gossip::Peer peer_of(boost::json::object const& object) {
  gossip::Peer peer;
  peer.name = name_of(object.at("Name"));
  peer.nickname = text_of(object.at("NickName"));
  peer.uid = PeerUid{std::stoull(text_of(object.at("UID")))};
  peer.version = object.at("Version").to_number<std::uint64_t>();
  if (object.at("HasShortID").as_bool()) peer.short_id = ShortId{object.at("ShortID").to_number<std::uint16_t>()};
  for (auto const& each : object.at("Connections").as_array()) {
    auto const& connection = each.as_object();
    auto const remote = name_of(connection.at("Name"));
    peer.connections[remote] = gossip::PeerConnection{.remote = remote,
                                                      .address = text_of(connection.at("Address")),
                                                      .outbound = connection.at("Outbound").as_bool(),
                                                      .established = connection.at("Established").as_bool()};
  }
  return peer;
}

std::vector<gossip::Peer> peers_of(boost::json::array const& array) {
  std::vector<gossip::Peer> peers;
  for (auto const& each : array) peers.push_back(peer_of(each.as_object()));
  return peers;
}

std::vector<gossip::Peer> contents(gossip::PeerTable const& table) {
  std::vector<gossip::Peer> peers;
  table.for_each([&](gossip::Peer const& peer) { peers.push_back(peer); });
  return peers;
}

} // namespace weave::test
