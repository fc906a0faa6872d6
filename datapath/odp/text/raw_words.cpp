#include "datapath/odp/text/raw_words.hpp"

#include <algorithm>
#include <cstring>
#include <linux/netlink.h>

#include "datapath/odp/text/flow_text.hpp"

namespace weave::datapath::odp {
namespace {

/// The attribute as a netlink message holds it.
Bytes whole(RawAttribute const& raw) {
  nlattr const header{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + raw.payload.size()), .nla_type = raw.type};
  Bytes bytes(NLA_ALIGN(sizeof header + raw.payload.size()));
  std::memcpy(bytes.data(), &header, sizeof header);
  std::ranges::copy(raw.payload, bytes.begin() + sizeof header);
  return bytes;
}

} // namespace

RawWords openvswitch_words() {
  return {
      .match = [](RawAttribute const& key, RawAttribute const& mask) { return match_text(whole(key), whole(mask)); },
      .action = [](RawAttribute const& action) { return actions_text(whole(action)); }};
}

} // namespace weave::datapath::odp
