// A UDP packet from anybody: its frames, the decision about each, and the packet that carries it on.
#include <array>
#include <vector>

#include "datapath/bridge/forwarding.hpp"
#include "datapath/bridge/mac_table.hpp"
#include "datapath/tunnel/sleeve_codec.hpp"
#include "datapath/tunnel/sleeve_plan.hpp"
#include "datapath/tunnel/sleeve_special.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

using namespace datapath;

constexpr PeerName kOurself{0x010101010101};

/// Three other peers, 2 and 3 being neighbours, 4 behind 3.
class SmallMesh final : public RouteLookup {
 public:
  [[nodiscard]] PeerName next_hop(PeerName destination) const override {
    if (destination == PeerName{0x020202020202}) return destination;
    if (destination == PeerName{0x030303030303} || destination == PeerName{0x040404040404}) return hops_.back();
    return kUnknownPeer;
  }
  [[nodiscard]] std::vector<PeerName> const& broadcast_hops(PeerName source) const override {
    return source == kOurself || !next_hop(source).is_unknown() ? hops_ : none_;
  }

 private:
  std::vector<PeerName> hops_{PeerName{0x020202020202}, PeerName{0x030303030303}};
  std::vector<PeerName> none_;
};

/// Sends the frame as a worker would, and reads it back.
void carry(ForwardHop const& hop, ByteView frame) {
  std::array<std::uint8_t, 2048> buffer;
  SleevePacketWriter writer{buffer, kOurself, buffer.size()};
  if (!writer.append(hop.source, hop.destination, frame)) return;
  auto reader = SleeveFrameReader::of_clear_packet(writer.packet());
  auto const copy = reader.next();
  demand(copy && copy->source == hop.source && copy->destination == hop.destination, "peers survive the packet");
  demand(std::ranges::equal(copy->frame, frame) && !reader.next() && reader.fault() == SleeveFault::none,
         "a frame survives its packet");
}

void decide(Forwarding const& forwarding, PeerName via, SleeveFrame const& frame) {
  static SmallMesh const mesh;
  auto const kind = classify_frame(frame.frame);
  if (kind == FrameKind::runt || kind == FrameKind::special) {
    (void)heartbeat_uid(frame.frame);
    return;
  }
  SleevePath const path{.peer = via, .local = {}, .remote = Ipv4Endpoint{}, .mtu = 1410, .max_payload = 1444};
  for (auto const captured : {false, true}) {
    auto const decision =
        captured ? forwarding.captured(frame.frame, mesh, TimePoint{})
                 : forwarding.received(frame.source, frame.destination, via, frame.frame, mesh, TimePoint{});
    (void)decision.to_string();
    decision.for_each_hop([&](ForwardHop const& hop) {
      demand(captured || hop.next_hop != via, "no frame goes back where it came from");
      carry(hop, frame.frame);
      (void)plan_sleeve(path, kind, frame.frame.size(), decision.flooded());
    });
  }
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave::fuzz;
  auto const packet = FuzzInput{data, size}.rest();
  auto const sender = sleeve_sender(packet);
  if (!sender) return 0;
  static MacTable macs{kOurself};
  Forwarding const forwarding{macs};
  auto reader = SleeveFrameReader::of_clear_packet(packet);
  std::size_t read = kClearPacketOverhead;
  while (auto const frame = reader.next()) {
    read += kFrameOverhead + frame->frame.size();
    decide(forwarding, *sender, *frame);
  }
  demand(read <= packet.size(), "frames come from the packet");
  demand((reader.fault() == SleeveFault::none) == (read == packet.size()), "what is left over is a fault");
  return 0;
}
