#include "datapath/odp/flow_codec.hpp"

#include <algorithm>
#include <cstring>
#include <linux/openvswitch.h>

#include "datapath/netlink/attributes.hpp"
#include "datapath/odp/action_codec.hpp"
#include "datapath/odp/match_codec.hpp"

namespace weave::datapath::odp {

namespace {

using FlowFields = netlink::AttributeTable<OVS_FLOW_ATTR_UFID + 1>;

netlink::MessageBuilder begin(std::uint16_t family, std::uint8_t command, DatapathIndex datapath,
                              Query query = Query::one) {
  return begin_ovs(family, command, OVS_FLOW_VERSION, datapath, query);
}

Result<Bytes> finish(netlink::MessageBuilder builder, Flow const& flow) {
  if (flow.ufid) builder.put(OVS_FLOW_ATTR_UFID, *flow.ufid);
  put_match(builder, flow.match);
  put_actions(builder, OVS_FLOW_ATTR_ACTIONS, flow.actions);
  return builder.take();
}

FlowStats read_stats(FlowFields const& fields) {
  FlowStats stats;
  ovs_flow_stats wire{};
  if (auto const found = fields.find(OVS_FLOW_ATTR_STATS); found && found->size() >= sizeof wire) {
    std::memcpy(&wire, found->data(), sizeof wire);
    stats.packets = wire.n_packets;
    stats.bytes = wire.n_bytes;
  }
  if (auto const used = fields.number<std::uint64_t>(OVS_FLOW_ATTR_USED)) {
    stats.used = std::chrono::milliseconds{*used};
  }
  return stats;
}

/// Somebody else's may have any length up to ours.
std::optional<Ufid> read_ufid(FlowFields const& fields) {
  auto const found = fields.find(OVS_FLOW_ATTR_UFID);
  Ufid ufid{};
  if (!found || found->size() != ufid.size()) return std::nullopt;
  std::ranges::copy(*found, ufid.begin());
  return ufid;
}

} // namespace

Result<Bytes> encode_flow_new(std::uint16_t family, DatapathIndex datapath, Flow const& flow) {
  return finish(begin(family, OVS_FLOW_CMD_NEW, datapath, Query::create), flow);
}

Result<Bytes> encode_flow_change(std::uint16_t family, DatapathIndex datapath, Flow const& flow) {
  return finish(begin(family, OVS_FLOW_CMD_SET, datapath, Query::change), flow);
}

Result<Bytes> encode_flow_delete(std::uint16_t family, DatapathIndex datapath, Flow const& flow) {
  auto builder = begin(family, OVS_FLOW_CMD_DEL, datapath, Query::change);
  if (flow.ufid) {
    builder.put(OVS_FLOW_ATTR_UFID, *flow.ufid);
  } else if (!flow.raw_key.empty()) {
    builder.put(OVS_FLOW_ATTR_KEY, flow.raw_key);
  } else {
    put_match(builder, flow.match);
  }
  return builder.take();
}

Result<Bytes> encode_flow_flush(std::uint16_t family, DatapathIndex datapath) {
  return begin(family, OVS_FLOW_CMD_DEL, datapath, Query::change).take();
}

Result<Bytes> encode_flow_dump(std::uint16_t family, DatapathIndex datapath) {
  return begin(family, OVS_FLOW_CMD_GET, datapath, Query::all).take();
}

Result<Flow> decode_flow(OvsMessage const& message) {
  auto const fields = FlowFields::parse(message.attributes);
  if (!fields) return failure_of(fields);
  auto const key = fields->find(OVS_FLOW_ATTR_KEY);
  if (!key) return failure(ErrorKind::malformed, "flow without a key");
  auto match = decode_match(*key, fields->find(OVS_FLOW_ATTR_MASK));
  if (!match) return failure_of(match);
  auto actions = decode_actions(fields->find(OVS_FLOW_ATTR_ACTIONS).value_or(ByteView{}));
  if (!actions) return failure_of(actions);
  Flow flow{.match = std::move(*match),
            .actions = std::move(*actions),
            .ufid = read_ufid(*fields),
            .stats = read_stats(*fields)};
  if (!flow.ufid) flow.raw_key.assign(key->begin(), key->end());
  return flow;
}

} // namespace weave::datapath::odp
