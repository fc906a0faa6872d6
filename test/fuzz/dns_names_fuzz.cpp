// A name database among peers that send anything while names come and go here.
#include <array>
#include <string>

#include "test/fuzz/fuzz_input.hpp"
#include "test/unit/dns_names/gossiper_fakes.hpp"

namespace weave::fuzz {
namespace {

using namespace controller::dns;

constexpr PeerName kOurself{0x7a3a5c000001};
constexpr std::array kPeers{PeerName{0x0000aabbcc02}, PeerName{0xfe1122334403}, PeerName{4}, kOurself};

enum Operation : std::uint8_t { kGossip, kBroadcast, kUnicast, kAdd, kRemove, kWait, kPeerGone, kJoin, kOperations };

class Host {
 public:
  Host() : rig_{kOurself, {kPeers.begin(), kPeers.end()}} {
    rig_.set_unix_time(1'600'000'000);
    rig_.gossiper->start();
  }

  void play(FuzzInput::Record const& record) {
    FuzzInput content{record.content.data(), record.content.size()};
    PeerName const peer = kPeers[record.operation / kOperations % kPeers.size()];
    switch (record.operation % kOperations) {
      case kGossip: return pass_on(rig_.gossiper->on_gossip(peer, record.content));
      case kBroadcast: return pass_on(rig_.gossiper->on_broadcast(peer, record.content));
      case kUnicast: return void(rig_.gossiper->on_unicast(peer, record.content));
      case kAdd: return rig_.gossiper->add("c", name_of(content.u8()), Ipv4Address{content.u8()});
      case kRemove: return void(rig_.gossiper->remove({.hostname = name_of(content.u8())}));
      case kWait: return rig_.scheduler.advance(std::chrono::milliseconds{content.u16()} * (1 + content.u8()));
      case kPeerGone:
        if (peer == kOurself) return;
        rig_.members.peers.erase(peer);
        return rig_.gossiper->on_peer_gone(peer);
      default: rig_.members.peers.insert(peer); return rig_.gossiper->on_topology_changed();
    }
  }
  /// What must hold between any two events.
  void check() {
    auto const& table = rig_.gossiper->table();
    auto const snapshot = rig_.gossiper->names().snapshot();
    auto const entries = table.entries();
    demand(entries.size() == table.size(), "each entry is there once");
    std::size_t live = 0;
    for (auto const& [key, state] : entries) {
      demand(rig_.members.is_known(key.origin), "nobody who is gone has names");
      if (!state.is_live()) continue;
      ++live;
      demand(!snapshot->find(lower_case(key.hostname)).empty(), "a live name is answered");
      demand(!snapshot->find(key.address).empty(), "a live address is answered");
    }
    demand(live == table.live_count(), "live names are counted");
    demand((live == 0) == (snapshot->name_count() == 0), "dead names are not answered");
  }

 private:
  static std::string name_of(std::uint8_t number) {
    return std::string(1, static_cast<char>((number & 1) != 0 ? 'A' : 'a')) + std::to_string(number / 2 % 4) +
           ".weave.local.";
  }
  static void pass_on(Result<std::unique_ptr<gossip::GossipData>> const& relay) {
    if (!relay || !*relay) return;
    for (auto const& payload : (*relay)->encode()) demand(decode_names(payload).has_value(), "others can read us");
  }

  test::GossiperRig rig_;
};

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave::fuzz;
  FuzzInput input{data, size};
  Host host;
  for (int i = 0; i < 32 && !input.empty(); ++i) {
    host.play(input.record());
    host.check();
  }
  return 0;
}
