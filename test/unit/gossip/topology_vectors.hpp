#pragma once

#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "gossip/peer.hpp"
#include "gossip/peer_table.hpp"

namespace weave::test {

/// Readers for the peers of the mesh vectors.
[[nodiscard]] std::string text_of(boost::json::value const& value);
[[nodiscard]] PeerName name_of(boost::json::value const& value);
[[nodiscard]] gossip::Peer peer_of(boost::json::object const& object);
[[nodiscard]] std::vector<gossip::Peer> peers_of(boost::json::array const& array);
/// The whole table, ascending by name.
[[nodiscard]] std::vector<gossip::Peer> contents(gossip::PeerTable const& table);

} // namespace weave::test
