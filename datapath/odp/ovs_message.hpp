#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/netlink/message.hpp"
#include "datapath/netlink/message_builder.hpp"

namespace weave::datapath::odp {

/// What the kernel calls a datapath by: the index of its internal device.
enum class DatapathIndex : std::int32_t { none = 0 };

/// A message of one of the four Open vSwitch families; refers to what it was read from.
struct OvsMessage {
  std::uint8_t command = 0;
  DatapathIndex datapath = DatapathIndex::none;
  ByteView attributes;
};
[[nodiscard]] Result<OvsMessage> decode_ovs(netlink::Message const& message);

/// How a request is meant.
enum class Query : std::uint8_t {
  one,    ///< with the object, or what became of it, as answer
  all,    ///< a dump
  create, ///< refused with EEXIST when there is such an object
  change  ///< without an answer
};
/// Begins a request: all headers in front of the attributes.
[[nodiscard]] netlink::MessageBuilder begin_ovs(std::uint16_t family, std::uint8_t command, std::uint8_t version,
                                                DatapathIndex datapath, Query query = Query::one);

} // namespace weave::datapath::odp
