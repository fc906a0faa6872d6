// A byte stream is cut into the same frames however it arrives.
#include <vector>

#include "gossip/frame_codec.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

constexpr std::size_t kLimit = 1024;

struct Outcome {
  std::vector<Bytes> frames;
  bool refused = false;
  friend bool operator==(Outcome const&, Outcome const&) = default;
};

[[nodiscard]] Outcome cut(ByteView stream, std::size_t step) {
  gossip::FrameDecoder decoder{kLimit};
  Outcome outcome;
  while (!stream.empty() && !outcome.refused) {
    auto const part = stream.first(std::min(step, stream.size()));
    stream = stream.subspan(part.size());
    decoder.append(part);
    while (true) {
      auto const next = decoder.next();
      outcome.refused = !next;
      if (!next || !*next) break;
      demand((*next)->size() <= kLimit, "no frame exceeds the limit");
      outcome.frames.emplace_back((*next)->begin(), (*next)->end());
    }
  }
  return outcome;
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave::fuzz;
  FuzzInput input{data, size};
  std::size_t const step = input.u8() % 16U + 1U;
  auto const stream = input.rest();
  demand(cut(stream, step) == cut(stream, stream.size()), "frames do not depend on segmentation");
  return 0;
}
