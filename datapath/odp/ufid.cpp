#include <sodium.h>

#include "datapath/odp/datapath_interface.hpp"

namespace weave::datapath::odp {
namespace {

void write_mac(ByteWriter& writer, MaskedMac const& mac) {
  writer.u48(mac.value.value() & mac.mask.value()).u48(mac.mask.value());
}

void write_vlan(ByteWriter& writer, VlanMatch const& vlan) {
  writer.u16(vlan.type).u8(vlan.id ? 1 : 0).u16(vlan.id.value_or(0)).u16(vlan.inner_type.value_or(0));
}

} // namespace

Ufid ufid_of(FlowMatch const& match) {
  ByteWriter writer;
  writer.u32(static_cast<std::uint32_t>(match.in_port));
  write_mac(writer, match.source);
  write_mac(writer, match.destination);
  writer.u8(match.tunnel ? 1 : 0).u8(match.vlan ? 1 : 0);
  if (match.tunnel) {
    writer.u64(match.tunnel->id).u32(match.tunnel->source.value()).u32(match.tunnel->destination.value());
  }
  if (match.vlan) write_vlan(writer, *match.vlan);
  for (auto const& [key, mask] : match.other) {
    for (auto const* attribute : {&key, &mask}) {
      writer.u16(attribute->type).u32(static_cast<std::uint32_t>(attribute->payload.size())).raw(attribute->payload);
    }
  }
  Ufid ufid{};
  auto const& bytes = writer.bytes();
  // Containers choose addresses: a digest without collisions that they could compute.
  (void)crypto_generichash(ufid.data(), ufid.size(), bytes.data(), bytes.size(), nullptr, 0);
  return ufid;
}

} // namespace weave::datapath::odp
