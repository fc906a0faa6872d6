#include "test/unit/ipam/ipam_vectors.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace weave::test {

namespace ipam = controller::ipam;

boost::json::array const& ipam_group(std::string_view group) { return ipam_file().document().at(group).as_array(); }

boost::json::array const& ipam_group(std::string_view group, std::string_view part) {
  return ipam_file().document().at(group).as_object().at(part).as_array();
}

std::string text_of(boost::json::value const& value) { return {value.as_string().data(), value.as_string().size()}; }

Ipv4Address address_of(boost::json::value const& value) { return Ipv4Address::parse(text_of(value)).value(); }

PeerName peer_of(boost::json::value const& value) { return PeerName::parse(text_of(value)).value(); }

Ipv4Cidr cidr_of(boost::json::value const& value) { return Ipv4Cidr::parse(text_of(value)).value(); }

Ipv4Range range_of(boost::json::value const& value) {
  return {address_of(value.at("start")), address_of(value.at("end"))};
}

std::vector<Ipv4Range> ranges_of(boost::json::value const& value) {
  std::vector<Ipv4Range> ranges;
  for (auto const& item : value.as_array()) ranges.push_back(range_of(item));
  return ranges;
}

std::vector<Ipv4Address> addresses_of(boost::json::value const& value) {
  std::vector<Ipv4Address> addresses;
  for (auto const& item : value.as_array()) addresses.push_back(address_of(item));
  return addresses;
}

std::vector<PeerName> peers_of(boost::json::value const& value) {
  std::vector<PeerName> peers;
  for (auto const& item : value.as_array()) peers.push_back(peer_of(item));
  return peers;
}

ipam::RingState ring_of(boost::json::value const& value) {
  ipam::RingState ring{range_of(value), peer_of(value.at("peer")), {}, peers_of(value.at("seeds"))};
  for (auto const& item : value.at("entries").as_array()) {
    ring.tokens.push_back({address_of(item.at("token")), peer_of(item.at("peer")),
                           number_of<std::uint32_t>(item.at("version")), number_of<std::uint32_t>(item.at("free"))});
  }
  return ring;
}

ipam::NodeId node_of(boost::json::value const& value) {
  return {peer_of(value.at("name")), std::stoull(text_of(value.at("uid")))};
}

static ipam::ProposalId proposal_of(boost::json::value const& value) {
  return {number_of<std::uint64_t>(value.at("round")), node_of(value.at("proposer"))};
}

ipam::PaxosState paxos_of(boost::json::value const& value) {
  ipam::PaxosState state;
  for (auto const& item : value.as_array()) {
    auto const& accepted = item.at("accepted_val");
    state[node_of(item.at("node"))] = {proposal_of(item.at("promise")),
                                       proposal_of(item.at("accepted")),
                                       {peers_of(accepted.at("value")), proposal_of(accepted.at("origin"))}};
  }
  return state;
}

ipam::GossipState state_of(boost::json::value const& value) {
  ipam::GossipState state;
  state.now = number_of<std::int64_t>(value.at("now"));
  for (auto const& [peer, nickname] : value.at("nicknames").as_object()) {
    state.nicknames[PeerName::parse(peer).value()] = text_of(nickname);
  }
  if (!value.at("paxos").is_null()) state.paxos = paxos_of(value.at("paxos"));
  if (!value.at("ring").is_null()) state.ring = ring_of(value.at("ring"));
  return state;
}

std::string show(ipam::RingState const& ring) {
  auto text = fmt::format("{} of {}:", ring.universe.to_string(), ring.peer.to_string());
  for (auto const& token : ring.tokens) {
    text += fmt::format(" {}={} v{} f{}", token.token.to_string(), token.peer.to_string(), token.version, token.free);
  }
  text += " seeds";
  for (auto const& seed : ring.seeds) text += ' ' + seed.to_string();
  return text;
}

std::string show(std::vector<Ipv4Range> const& ranges) {
  std::string text;
  for (auto const& range : ranges) text += range.to_string() + ' ';
  return text;
}

} // namespace weave::test
