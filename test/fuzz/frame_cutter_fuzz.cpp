// Super-frames with offload headers that contradict them.
#include "datapath/packet/offload.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

using namespace datapath;

void cut(OffloadHeader const& header, ByteView frame) {
  auto cutter = FrameCutter::create(header, frame);
  if (!cutter) return;
  auto const expected = cutter->remaining();
  demand(expected <= frame.size(), "frames carry data");
  std::size_t count = 0;
  while (!cutter->done()) {
    Bytes out(cutter->next_size());
    demand(cutter->write_next({out.data(), out.size() - 1}) == 0, "nothing is written into too little room");
    demand(cutter->write_next(out) == out.size(), "a frame is as long as announced");
    ++count;
  }
  demand(count == expected, "all frames come");
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave::fuzz;
  FuzzInput input{data, size};
  auto const header = OffloadHeader::parse(input.take(OffloadHeader::kSize));
  if (!header) return 0;
  auto frame = input.rest();
  if (header->is_super_frame()) {
    cut(*header, frame);
  } else {
    (void)complete_checksum(*header, frame);
  }
  return 0;
}
