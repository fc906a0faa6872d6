#include "datapath/odp/datapath_codec.hpp"

#include <cstring>
#include <linux/openvswitch.h>

#include "datapath/netlink/attributes.hpp"

namespace weave::datapath::odp {

namespace {

static_assert(kFeatureUnaligned == OVS_DP_F_UNALIGNED && kFeatureVportPids == OVS_DP_F_VPORT_PIDS &&
              kFeaturePerCpuDispatch == OVS_DP_F_DISPATCH_UPCALL_PER_CPU);

netlink::MessageBuilder begin(std::uint16_t family, std::uint8_t command, DatapathIndex index = DatapathIndex::none) {
  return begin_ovs(family, command, OVS_DATAPATH_VERSION, index);
}

/// Always both: a change without features would clear them.
void put_settings(netlink::MessageBuilder& builder, UpcallSettings const& settings) {
  builder.put_u32(OVS_DP_ATTR_USER_FEATURES, settings.features);
  if ((settings.features & kFeaturePerCpuDispatch) == 0) return;
  auto const& pids = settings.per_cpu_pids;
  builder.put(OVS_DP_ATTR_PER_CPU_PIDS,
              {reinterpret_cast<std::uint8_t const*>(pids.data()), pids.size() * sizeof pids[0]});
}

} // namespace

Result<Bytes> encode_datapath_new(std::uint16_t family, std::string_view name, std::uint32_t local_pid,
                                  UpcallSettings const& settings) {
  auto builder = begin(family, OVS_DP_CMD_NEW);
  builder.put_text(OVS_DP_ATTR_NAME, name).put_u32(OVS_DP_ATTR_UPCALL_PID, local_pid);
  put_settings(builder, settings);
  return builder.take();
}

Result<Bytes> encode_datapath_get(std::uint16_t family, std::string_view name) {
  return begin(family, OVS_DP_CMD_GET).put_text(OVS_DP_ATTR_NAME, name).take();
}

Result<Bytes> encode_datapath_get(std::uint16_t family, DatapathIndex index) {
  return begin(family, OVS_DP_CMD_GET, index).take();
}

Result<Bytes> encode_datapath_set(std::uint16_t family, DatapathIndex index, UpcallSettings const& settings) {
  auto builder = begin(family, OVS_DP_CMD_SET, index);
  put_settings(builder, settings);
  return builder.take();
}

Result<Bytes> encode_datapath_delete(std::uint16_t family, DatapathIndex index) {
  return begin(family, OVS_DP_CMD_DEL, index).take();
}

Result<DatapathDescription> decode_datapath(OvsMessage const& message) {
  auto const fields = netlink::AttributeTable<OVS_DP_ATTR_USER_FEATURES + 1>::parse(message.attributes);
  if (!fields) return failure_of(fields);
  auto const name = fields->find(OVS_DP_ATTR_NAME);
  if (!name) return failure(ErrorKind::malformed, "datapath without a name");
  DatapathDescription description{.index = message.datapath,
                                  .name = std::string{netlink::read_text(*name)},
                                  .features = fields->number<std::uint32_t>(OVS_DP_ATTR_USER_FEATURES)};
  ovs_dp_stats stats{};
  if (auto const found = fields->find(OVS_DP_ATTR_STATS); found && found->size() >= sizeof stats) {
    std::memcpy(&stats, found->data(), sizeof stats);
    description.stats = {.hits = stats.n_hit, .misses = stats.n_missed, .lost = stats.n_lost, .flows = stats.n_flows};
  }
  return description;
}

} // namespace weave::datapath::odp
