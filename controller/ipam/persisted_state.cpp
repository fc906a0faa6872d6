#include "controller/ipam/persisted_state.hpp"

#include <fmt/format.h>

namespace weave::controller::ipam {
namespace {

constexpr std::uint8_t kFormat = 1;

} // namespace

Bytes encode_persisted(PersistedState const& persisted) {
  ByteWriter out;
  out.u8(kFormat).u48(persisted.self.value());
  out.u32(persisted.universe.start.value()).u32(persisted.universe.end.value());
  out.u64(persisted.uid).raw(encode_gossip_state(persisted.state));
  return out.take();
}

Result<PersistedState> decode_persisted(ByteView bytes) {
  ByteReader in{bytes};
  auto const format = in.u8();
  if (!format || *format != kFormat) {
    return failure(ErrorKind::malformed, fmt::format("saved IP allocation state has unknown format {}",
                                                     format ? std::to_string(*format) : "(empty)"));
  }
  auto const self = in.u48();
  auto const start = in.u32();
  auto const end = in.u32();
  auto const uid = in.u64();
  if (!uid) return failure_of(uid);
  auto state = decode_gossip_state(in.rest());
  if (!state) return failure_of(state);
  return PersistedState{PeerName{*self}, {Ipv4Address{*start}, Ipv4Address{*end}}, *uid, *std::move(state)};
}

} // namespace weave::controller::ipam
