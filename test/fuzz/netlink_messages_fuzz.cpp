// What the kernel says over generic netlink: any bytes are refused or read, never read beyond their end; what was read
// can be written, and means the same when it is read again.
#include "datapath/netlink/family.hpp"
#include "datapath/odp/action_codec.hpp"
#include "datapath/odp/datapath_codec.hpp"
#include "datapath/odp/flow_codec.hpp"
#include "datapath/odp/match_codec.hpp"
#include "datapath/odp/packet_codec.hpp"
#include "datapath/odp/vport_codec.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

using namespace datapath;

constexpr std::uint16_t kFamily = 28;

/// What a request of ours looks like to its receiver; none if it was too long to be made.
std::optional<Result<odp::Flow>> read_back(Result<Bytes> const& request) {
  if (!request) return std::nullopt;
  auto const message = netlink::MessageCursor{*request}.next();
  demand(message && *message && (*message)->type == kFamily, "a request is one message");
  auto const ovs = odp::decode_ovs(**message);
  demand(ovs.has_value(), "a request has its headers");
  return odp::decode_flow(*ovs);
}

void write_again(odp::Flow const& flow) {
  demand(!flow.ufid || flow.raw_key.empty(), "a flow is named in one way");
  auto const again = read_back(odp::encode_flow_new(kFamily, odp::DatapathIndex{4}, flow));
  if (!again) return;
  demand(again->has_value(), "what was read can be written");
  demand((*again)->actions == flow.actions, "actions mean the same");
  demand((*again)->ufid == flow.ufid, "the identifier stays");
  if (flow.match.other.empty()) demand((*again)->match == flow.match, "the match means the same");
  (void)odp::encode_flow_delete(kFamily, odp::DatapathIndex{4}, flow);
}

void read_message(netlink::Message const& message) {
  (void)netlink::decode_acknowledgement(message);
  (void)netlink::decode_family(message);
  auto const ovs = odp::decode_ovs(message);
  if (!ovs) return;
  (void)odp::decode_datapath(*ovs);
  (void)odp::decode_vport(*ovs);
  if (auto const upcall = odp::decode_upcall(*ovs)) {
    demand(upcall->packet.size() <= ovs->attributes.size(), "a packet is part of its message");
  }
  if (auto const flow = odp::decode_flow(*ovs)) write_again(*flow);
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  weave::fuzz::FuzzInput input{data, size};
  auto const datagram = input.rest();
  weave::datapath::netlink::MessageCursor cursor{datagram};
  for (auto message = cursor.next(); message && *message; message = cursor.next()) {
    weave::fuzz::read_message(**message);
  }
  return 0;
}
