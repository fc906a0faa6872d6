// A byte stream is cut into the same frames however it arrives, in both ways of telling messages apart.
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

[[nodiscard]] Outcome cut(ByteView stream, std::size_t step, gossip::Framing framing) {
  gossip::FrameDecoder decoder{kLimit};
  decoder.set_framing(framing);
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

/// What we write is cut into what was written.
void check_written(Outcome const& outcome, gossip::Framing framing) {
  gossip::ClearSealer clear;
  Bytes stream;
  for (auto const& frame : outcome.frames) {
    auto const written = gossip::encode_frame(frame, clear, framing);
    demand(written.has_value(), "what was received can be sent");
    stream.insert(stream.end(), written->begin(), written->end());
  }
  auto const again = cut(stream, stream.size(), framing);
  demand(!again.refused && again.frames == outcome.frames, "frames survive the wire");
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave::fuzz;
  FuzzInput input{data, size};
  auto const how = input.u8();
  std::size_t const step = how % 16U + 1U;
  auto const framing = (how & 0x80U) != 0 ? weave::gossip::Framing::gob : weave::gossip::Framing::length;
  auto const stream = input.rest();
  auto const outcome = cut(stream, stream.size(), framing);
  demand(cut(stream, step, framing) == outcome, "frames do not depend on segmentation");
  check_written(outcome, framing);
  return 0;
}
