#pragma once

#include <map>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/odp/types.hpp"

namespace weave::datapath::odp {

/// Flows as netlink attributes to and from the text that ovs-dpctl prints and reads, by libopenvswitch: an opinion on
/// our codec that does not come from us, and the words for attributes that we do not know. Built only with the Meson
/// option `openvswitch`. Pure functions; any thread. Attributes are the payloads of OVS_FLOW_ATTR_KEY, _MASK and
/// _ACTIONS; text that was made by somebody else may be parsed, attributes must come from the kernel or from our codec:
/// the library trusts the length fields inside them.

/// Printed in place of the numbers, and understood when read.
using PortNames = std::map<PortNo, std::string>;

struct MatchBytes {
  Bytes key;
  Bytes mask;
};

/// An empty mask stands for an exact match. `verbose` also prints what is not matched, as "ovs-dpctl -m" does.
[[nodiscard]] std::string match_text(ByteView key, ByteView mask, PortNames const& names = {}, bool verbose = false);
/// "drop" for none.
[[nodiscard]] std::string actions_text(ByteView actions, PortNames const& names = {});

/// malformed: what libopenvswitch makes nothing of.
[[nodiscard]] Result<MatchBytes> parse_match_text(std::string const& text, PortNames const& names = {});
[[nodiscard]] Result<Bytes> parse_actions_text(std::string const& text, PortNames const& names = {});

} // namespace weave::datapath::odp
