// The payloads of the address channel and the stored state.
#include "controller/ipam/gossip_state.hpp"
#include "controller/ipam/persisted_state.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

using namespace controller::ipam;

void gossip(ByteView payload) {
  auto const state = decode_gossip_state(payload);
  if (!state) return;
  auto const again = decode_gossip_state(encode_gossip_state(*state));
  demand(again && *again == *state, "a state survives the wire");
  if (!state->ring) return;
  if (auto ring = Ring::restore(*state->ring)) {
    (void)ring->pieces();
    (void)ring->owners();
    demand(validate(ring->state()).has_value(), "a restored ring is a good one");
  }
}

void unicast(ByteView payload) {
  auto const message = decode_unicast(payload);
  if (!message) return;
  if (auto const* const request = std::get_if<SpaceRequest>(&*message)) {
    auto const again = decode_unicast(encode_unicast(*request));
    demand(again && std::get<SpaceRequest>(*again).range == request->range, "a request survives the wire");
  }
}

void persisted(ByteView bytes) {
  auto const state = decode_persisted(bytes);
  if (!state) return;
  auto const again = decode_persisted(encode_persisted(*state));
  demand(again && again->state == state->state && again->universe == state->universe, "a state survives the disk");
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave::fuzz;
  FuzzInput input{data, size};
  auto const kind = input.u8();
  auto const payload = input.rest();
  switch (kind % 3) {
    case 0: gossip(payload); break;
    case 1: unicast(payload); break;
    default: persisted(payload); break;
  }
  return 0;
}
