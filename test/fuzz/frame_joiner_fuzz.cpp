// What the kernel hands out as one run of packets, as frames to be joined; what is joined is cut again.
#include <algorithm>
#include <vector>

#include "datapath/packet/checksum.hpp"
#include "datapath/packet/frame_joiner.hpp"
#include "datapath/tunnel/io/receive_batch.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

using namespace datapath;
using Frames = std::vector<Bytes>;

/// Random changes seldom leave a checksum right.
void repair(Bytes& bytes) {
  MutableBytes const frame{bytes};
  if (frame.size() < 62) return;
  bool const ipv6 = frame[12] == 0x86;
  if (!ipv6) write_ipv4_checksum(frame.subspan(14, 20));
  auto const protocol = frame[ipv6 ? 20 : 23];
  auto const segment = frame.subspan(ipv6 ? 54 : 34);
  std::size_t const field = protocol == kProtocolTcp ? 16 : 6;
  if (segment.size() < field + 2) return;
  store_u16(segment, field, 0);
  ChecksumSum sum;
  sum.add_pseudo_header(ipv6 ? frame.subspan(22, 32) : frame.subspan(26, 8), protocol,
                        static_cast<std::uint32_t>(segment.size()));
  store_u16(segment, field, sum.add(segment).checksum());
}

struct Cutting final : JoinedFrames {
  Frames frames;

  void on_joined(std::uint32_t mark, OffloadHeader const& header, std::span<ByteView const> parts,
                 std::size_t count) override {
    demand(mark == 5, "the mark is handed back");
    Bytes bytes;
    for (auto const part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
    if (!header.is_super_frame()) {
      demand(count == 1, "a frame is one frame");
      frames.push_back(std::move(bytes));
      return;
    }
    auto cutter = FrameCutter::create(header, bytes);
    demand(cutter.has_value() && cutter->remaining() == count, "a super-frame can be cut");
    while (!cutter->done()) {
      Bytes frame(cutter->next_size());
      demand(cutter->write_next(frame) == frame.size(), "every piece fits");
      frames.push_back(std::move(frame));
    }
  }
};

/// Cutting numbers what a sender had left without numbers.
void forget_udp_identifications(Frames& frames) {
  for (auto& frame : frames) {
    if (frame.size() > 34 && frame[12] == 8 && frame[23] == kProtocolUdp) std::fill_n(frame.begin() + 18, 8, 0);
  }
}

void join(Bytes& bytes, std::size_t segment, bool udp, bool repaired) {
  ReceivedRun run{{}, bytes, segment};
  Frames frames;
  std::size_t total = 0;
  while (auto const packet = run.next()) {
    total += packet->size();
    frames.emplace_back(packet->begin(), packet->end());
    if (repaired) repair(frames.back());
  }
  demand(total == bytes.size(), "a run is all of its packets");
  Cutting output;
  FrameJoiner joiner{{.tcp = true, .udp = udp}, output};
  for (auto const& frame : frames) joiner.add(5, frame);
  joiner.flush();
  if (udp) {
    forget_udp_identifications(frames);
    forget_udp_identifications(output.frames);
  }
  std::ranges::sort(frames);
  std::ranges::sort(output.frames);
  demand(frames == output.frames, "what is joined and cut again is the same");
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  weave::fuzz::FuzzInput input{data, size};
  auto const options = input.u8();
  auto const segment = input.u16();
  auto bytes = input.rest();
  weave::fuzz::join(bytes, segment, (options & 1) != 0, (options & 2) != 0);
  return 0;
}
