// Frames of containers: views, classification, the ICMP answer and IPv4 fragments.
#include <algorithm>
#include <vector>

#include "datapath/packet/checksum.hpp"
#include "datapath/packet/classify.hpp"
#include "datapath/packet/headers.hpp"
#include "datapath/packet/icmp.hpp"
#include "datapath/packet/ipv4_fragment.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

using namespace datapath;

void read_views(ByteView frame) {
  auto const ethernet = EthernetView::parse(frame);
  if (!ethernet) return demand(classify_frame(frame) == FrameKind::runt, "what has no header is a runt");
  (void)(ethernet->destination() < ethernet->source());
  auto const ip = Ipv4View::parse(ethernet->payload());
  if (!ip) return;
  demand(ip->header().size() + ip->payload().size() == ip->size(), "header and payload are the packet");
  if (auto const udp = UdpView::parse(ip->payload())) (void)udp->payload();
  if (auto const tcp = TcpView::parse(ip->payload())) (void)tcp->payload();
  if (auto const icmp = IcmpView::parse(ip->payload())) (void)icmp->is_error();
}

void answer(ByteView frame, std::uint16_t mtu) {
  if (!may_answer_with_icmp_error(frame)) return;
  if (classify_frame(frame) == FrameKind::ipv6) {
    Bytes too_big(kPacketTooBigSize);
    too_big.resize(write_packet_too_big(frame, mtu, too_big));
    return demand(!too_big.empty() && !may_answer_with_icmp_error(too_big), "IPv6 is answered, but no error");
  }
  Bytes out(kFragmentationNeededSize);
  auto const size = write_fragmentation_needed(frame, mtu, out);
  demand(size <= out.size(), "the answer has a limit");
  if (size == 0) return;
  out.resize(size);
  auto const ip = Ipv4View::parse(ByteView{out}.subspan(kEthernetHeaderSize));
  demand(ip && ip->protocol() == kProtocolIcmp && internet_checksum(ip->header()) == 0, "the answer is an ICMP packet");
  auto const icmp = IcmpView::parse(ip->payload());
  demand(icmp && icmp->next_hop_mtu() == mtu && internet_checksum(ip->payload()) == 0, "the answer says the mtu");
  demand(!may_answer_with_icmp_error(out), "errors are not answered");
}

void fragment(ByteView frame, std::uint16_t mtu) {
  auto pieces = Ipv4Fragmenter::create(frame, mtu);
  if (!pieces) return;
  std::size_t total = 0;
  std::size_t count = 0;
  while (!pieces->done()) {
    Bytes out(pieces->next_size());
    auto const size = pieces->write_next(out);
    demand(size == out.size() && size >= kEthernetMinimumFrame, "a piece is as long as announced");
    auto const ip = Ipv4View::parse(ByteView{out}.subspan(kEthernetHeaderSize));
    demand(ip && ip->size() <= mtu && internet_checksum(ip->header()) == 0, "a piece is a packet that fits");
    total += ip->payload().size();
    demand(++count <= frame.size() / 8 + 1, "pieces are not empty");
  }
  auto const ip = Ipv4View::parse(frame.subspan(kEthernetHeaderSize));
  demand(ip && total == ip->payload().size(), "nothing of the payload is lost");
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  weave::fuzz::FuzzInput input{data, size};
  auto const mtu = input.u16();
  auto const frame = input.rest();
  weave::fuzz::read_views(frame);
  weave::fuzz::answer(frame, mtu);
  weave::fuzz::fragment(frame, mtu);
  return 0;
}
