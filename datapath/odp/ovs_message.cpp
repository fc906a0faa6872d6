#include "datapath/odp/ovs_message.hpp"

#include <cstring>
#include <linux/netlink.h>
#include <linux/openvswitch.h>

namespace weave::datapath::odp {

Result<OvsMessage> decode_ovs(netlink::Message const& message) {
  auto const generic = netlink::decode_generic(message);
  if (!generic) return failure_of(generic);
  ovs_header header{};
  if (generic->content.size() < sizeof header) return failure(ErrorKind::malformed, "Open vSwitch header is cut off");
  std::memcpy(&header, generic->content.data(), sizeof header);
  return OvsMessage{.command = generic->command,
                    .datapath = DatapathIndex{header.dp_ifindex},
                    .attributes = generic->content.subspan(sizeof header)};
}

namespace {

std::uint16_t flags_of(Query query) {
  switch (query) {
    case Query::one: return NLM_F_ECHO;
    case Query::all: return NLM_F_DUMP;
    case Query::create: return NLM_F_CREATE | NLM_F_EXCL;
    case Query::change: break;
  }
  return 0;
}

} // namespace

netlink::MessageBuilder begin_ovs(std::uint16_t family, std::uint8_t command, std::uint8_t version,
                                  DatapathIndex datapath, Query query) {
  netlink::MessageBuilder builder{family, flags_of(query)};
  builder.generic(command, version).header(ovs_header{.dp_ifindex = static_cast<int>(datapath)});
  return builder;
}

} // namespace weave::datapath::odp
