#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/netlink/message.hpp"

namespace weave::datapath::netlink {

/// What this kernel calls a generic netlink family by.
struct Family {
  std::uint16_t id = 0;
  /// Multicast groups by name.
  std::map<std::string, std::uint32_t, std::less<>> groups = {};

  friend bool operator==(Family const&, Family const&) = default;
};

[[nodiscard]] Result<Bytes> encode_family_request(std::string_view name);
[[nodiscard]] Result<Family> decode_family(Message const& message);

} // namespace weave::datapath::netlink
