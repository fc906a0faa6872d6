#include "datapath/netlink/attributes.hpp"

#include <algorithm>
#include <linux/netlink.h>

namespace weave::datapath::netlink {

Result<std::optional<Attribute>> AttributeCursor::next() {
  if (rest_.empty()) return std::optional<Attribute>{};
  nlattr header{};
  if (rest_.size() < sizeof header) return failure(ErrorKind::malformed, "netlink attribute is cut off");
  std::memcpy(&header, rest_.data(), sizeof header);
  if (header.nla_len < sizeof header || header.nla_len > rest_.size()) {
    return failure(ErrorKind::malformed, "netlink attribute has an impossible length");
  }
  auto const payload = rest_.first(header.nla_len).subspan(sizeof header);
  rest_ = rest_.subspan(std::min<std::size_t>(NLA_ALIGN(header.nla_len), rest_.size()));
  return Attribute{.type = static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK), .payload = payload};
}

Result<std::vector<Attribute>> parse_attributes(ByteView bytes) {
  std::vector<Attribute> attributes;
  AttributeCursor cursor{bytes};
  for (;;) {
    auto attribute = cursor.next();
    if (!attribute) return failure_of(attribute);
    if (!*attribute) return attributes;
    attributes.push_back(**attribute);
  }
}

std::string_view read_text(ByteView payload) {
  auto const text = as_text(payload);
  return text.substr(0, text.find('\0'));
}

} // namespace weave::datapath::netlink
