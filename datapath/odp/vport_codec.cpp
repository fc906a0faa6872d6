#include "datapath/odp/vport_codec.hpp"

#include <cstring>
#include <linux/openvswitch.h>

#include "datapath/netlink/attributes.hpp"

namespace weave::datapath::odp {

namespace {

netlink::MessageBuilder begin(std::uint16_t family, std::uint8_t command, DatapathIndex datapath,
                              Query query = Query::one) {
  return begin_ovs(family, command, OVS_VPORT_VERSION, datapath, query);
}

std::uint32_t number_of(PortNo port) { return static_cast<std::uint32_t>(port); }

VportType type_of(std::uint32_t number) {
  auto const known = number <= static_cast<std::uint32_t>(VportType::geneve);
  return known ? VportType{number} : VportType::unspecified;
}

VportStats read_stats(ByteView payload) {
  ovs_vport_stats wire{};
  if (payload.size() < sizeof wire) return {};
  std::memcpy(&wire, payload.data(), sizeof wire);
  return {.received_packets = wire.rx_packets,
          .sent_packets = wire.tx_packets,
          .received_bytes = wire.rx_bytes,
          .sent_bytes = wire.tx_bytes,
          .receive_errors = wire.rx_errors,
          .send_errors = wire.tx_errors,
          .receive_drops = wire.rx_dropped,
          .send_drops = wire.tx_dropped};
}

std::vector<std::uint32_t> read_pids(ByteView payload) {
  std::vector<std::uint32_t> pids(payload.size() / sizeof(std::uint32_t));
  if (!pids.empty()) std::memcpy(pids.data(), payload.data(), pids.size() * sizeof pids[0]);
  return pids;
}

} // namespace

Result<Bytes> encode_vport_new(std::uint16_t family, DatapathIndex datapath, VportSpec const& spec,
                               std::uint32_t upcall_pid) {
  auto builder = begin(family, OVS_VPORT_CMD_NEW, datapath);
  builder.put_text(OVS_VPORT_ATTR_NAME, spec.name);
  builder.put_u32(OVS_VPORT_ATTR_TYPE, static_cast<std::uint32_t>(spec.type));
  builder.nest(OVS_VPORT_ATTR_OPTIONS, [&] {
    if (spec.udp_port) builder.put_u16(OVS_TUNNEL_ATTR_DST_PORT, *spec.udp_port);
  });
  return builder.put_u32(OVS_VPORT_ATTR_UPCALL_PID, upcall_pid).take();
}

Result<Bytes> encode_vport_get(std::uint16_t family, DatapathIndex datapath, PortNo port) {
  return begin(family, OVS_VPORT_CMD_GET, datapath).put_u32(OVS_VPORT_ATTR_PORT_NO, number_of(port)).take();
}

Result<Bytes> encode_vport_dump(std::uint16_t family, DatapathIndex datapath) {
  return begin(family, OVS_VPORT_CMD_GET, datapath, Query::all).take();
}

Result<Bytes> encode_vport_set_pid(std::uint16_t family, DatapathIndex datapath, PortNo port,
                                   std::uint32_t upcall_pid) {
  return begin(family, OVS_VPORT_CMD_SET, datapath)
      .put_u32(OVS_VPORT_ATTR_PORT_NO, number_of(port))
      .put_u32(OVS_VPORT_ATTR_UPCALL_PID, upcall_pid)
      .take();
}

Result<Bytes> encode_vport_delete(std::uint16_t family, DatapathIndex datapath, PortNo port) {
  return begin(family, OVS_VPORT_CMD_DEL, datapath).put_u32(OVS_VPORT_ATTR_PORT_NO, number_of(port)).take();
}

Result<Vport> decode_vport(OvsMessage const& message) {
  auto const fields = netlink::AttributeTable<OVS_VPORT_ATTR_STATS + 1>::parse(message.attributes);
  if (!fields) return failure_of(fields);
  auto const number = fields->number<std::uint32_t>(OVS_VPORT_ATTR_PORT_NO);
  auto const type = fields->number<std::uint32_t>(OVS_VPORT_ATTR_TYPE);
  auto const name = fields->find(OVS_VPORT_ATTR_NAME);
  if (!number || !type || !name) return failure(ErrorKind::malformed, "vport without number, type or name");
  Vport vport{.number = PortNo{*number}, .name = std::string{netlink::read_text(*name)}, .type = type_of(*type)};
  if (auto const stats = fields->find(OVS_VPORT_ATTR_STATS)) vport.stats = read_stats(*stats);
  if (auto const pids = fields->find(OVS_VPORT_ATTR_UPCALL_PID)) vport.upcall_pids = read_pids(*pids);
  if (auto const options = fields->find(OVS_VPORT_ATTR_OPTIONS)) {
    auto const inner = netlink::AttributeTable<OVS_TUNNEL_ATTR_DST_PORT + 1>::parse(*options);
    if (!inner) return failure_of(inner);
    vport.udp_port = inner->number<std::uint16_t>(OVS_TUNNEL_ATTR_DST_PORT);
  }
  return vport;
}

} // namespace weave::datapath::odp
