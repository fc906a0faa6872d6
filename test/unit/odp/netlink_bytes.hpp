#pragma once

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "datapath/netlink/attributes.hpp"
#include "datapath/netlink/message.hpp"
#include "datapath/odp/ovs_message.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::test {

inline VectorFile& datapath_vectors() { return VectorFile::load("datapath"); }

/// The one message of a datagram.
inline datapath::netlink::Message only_message(Bytes const& datagram) {
  auto const message = datapath::netlink::MessageCursor{datagram}.next();
  EXPECT_TRUE(message && *message) << "no message";
  return message && *message ? **message : datapath::netlink::Message{};
}

inline datapath::odp::OvsMessage only_ovs(Bytes const& datagram) {
  auto const message = datapath::odp::decode_ovs(only_message(datagram));
  EXPECT_TRUE(message) << "no Open vSwitch header";
  return message.value_or(datapath::odp::OvsMessage{});
}

/// With the sequence number that its sender would give it.
inline Bytes with_sequence(Result<Bytes> const& request, std::uint32_t sequence) {
  EXPECT_TRUE(request) << request.error().text();
  if (!request) return {};
  auto stamped = *request;
  std::memcpy(stamped.data() + 8, &sequence, sizeof sequence);
  return stamped;
}

/// The attributes as text, ascending by number inside the nests named by `unordered`, otherwise as they are.
inline std::string describe(ByteView attributes, std::set<std::uint16_t> const& unordered) {
  auto const parsed = datapath::netlink::parse_attributes(attributes);
  EXPECT_TRUE(parsed) << to_hex(attributes);
  std::string text;
  for (auto const& attribute : parsed.value_or(std::vector<datapath::netlink::Attribute>{})) {
    text += std::to_string(attribute.type) + "=";
    if (unordered.contains(attribute.type)) {
      std::vector<std::string> parts;
      auto const inside = datapath::netlink::parse_attributes(attribute.payload);
      for (auto const& inner : *inside) {
        parts.push_back(std::to_string(inner.type) + ":" + to_hex(inner.payload));
      }
      std::ranges::sort(parts);
      for (auto const& part : parts) text += part + " ";
    } else {
      text += to_hex(attribute.payload);
    }
    text += "; ";
  }
  return text;
}

} // namespace weave::test
