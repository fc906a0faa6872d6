// Topology updates from anybody, merged into our peer table, and the routes that follow from it.
#include <algorithm>

#include "base/random.hpp"
#include "gossip/peer_table.hpp"
#include "gossip/routes.hpp"
#include "gossip/topology_codec.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

constexpr PeerName kOurself{0x010101010101};

void check_codec(std::vector<gossip::Peer> const& peers) {
  std::vector<gossip::Peer const*> pointers;
  for (auto const& peer : peers) pointers.push_back(&peer);
  auto const again = gossip::decode_topology(gossip::encode_topology(pointers));
  demand(again && *again == peers, "a topology survives the wire");
}

void check_table(gossip::PeerTable const& table) {
  demand(table.find(kOurself) != nullptr, "we know ourself");
  table.for_each([&](gossip::Peer const& peer) {
    for (auto const& [remote, connection] : peer.connections) {
      demand(remote == connection.remote && table.find(remote) != nullptr, "connections lead to peers of the table");
    }
  });
}

void check_routes(gossip::PeerTable const& table, gossip::LinkRule rule) {
  gossip::RouteTable const routes{table, rule};
  for (auto const name : table.names()) {
    auto const hop = routes.next_hop(name);
    demand(hop.is_unknown() || table.ourself().connections.contains(hop), "a next hop is a neighbour");
    for (auto const each : routes.broadcast_hops(name)) {
      demand(table.ourself().connections.contains(each), "a broadcast hop is a neighbour");
    }
  }
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave;
  using namespace weave::fuzz;
  FuzzInput input{data, size};
  SeededRandom random{1};
  gossip::Peer ourself;
  ourself.name = kOurself;
  ourself.uid = PeerUid{7};
  ourself.short_id = ShortId{3};
  gossip::PeerTable table{ourself, random};
  gossip::Peer neighbour;
  neighbour.name = PeerName{0x020202020202};
  (void)table.acquire(neighbour);
  table.add_connection({.remote = neighbour.name, .address = "192.0.2.2:6783", .established = true});
  while (!input.empty()) {
    auto const record = input.record();
    auto const update = gossip::decode_topology(record.content);
    if (!update) continue;
    check_codec(*update);
    (void)table.merge(*update);
    if ((record.operation & 1) != 0) (void)table.collect_garbage();
    check_table(table);
  }
  check_routes(table, gossip::LinkRule::all);
  check_routes(table, gossip::LinkRule::established_and_symmetric);
  return 0;
}
