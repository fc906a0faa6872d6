#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "controller/ipam/gossip_state.hpp"
#include "controller/ipam/paxos.hpp"
#include "controller/ipam/ring.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::test {

// Readers of the JSON of test/vectors/ipam.json; malformed vectors throw, which fails the test.

[[nodiscard]] inline VectorFile& ipam_file() { return VectorFile::load("ipam"); }
[[nodiscard]] boost::json::array const& ipam_group(std::string_view group);
[[nodiscard]] boost::json::array const& ipam_group(std::string_view group, std::string_view part);

[[nodiscard]] std::string text_of(boost::json::value const& value);
template <class Number>
[[nodiscard]] Number number_of(boost::json::value const& value) {
  return value.to_number<Number>();
}
[[nodiscard]] Ipv4Address address_of(boost::json::value const& value);
[[nodiscard]] PeerName peer_of(boost::json::value const& value);
[[nodiscard]] Ipv4Cidr cidr_of(boost::json::value const& value);
[[nodiscard]] Ipv4Range range_of(boost::json::value const& value);
[[nodiscard]] std::vector<Ipv4Range> ranges_of(boost::json::value const& value);
[[nodiscard]] std::vector<Ipv4Address> addresses_of(boost::json::value const& value);
[[nodiscard]] std::vector<PeerName> peers_of(boost::json::value const& value);
[[nodiscard]] controller::ipam::RingState ring_of(boost::json::value const& value);
[[nodiscard]] controller::ipam::NodeId node_of(boost::json::value const& value);
[[nodiscard]] controller::ipam::PaxosState paxos_of(boost::json::value const& value);
[[nodiscard]] controller::ipam::GossipState state_of(boost::json::value const& value);

/// One line for failure messages.
[[nodiscard]] std::string show(controller::ipam::RingState const& ring);
[[nodiscard]] std::string show(std::vector<Ipv4Range> const& ranges);

} // namespace weave::test
