#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "controller/dns/name_entry.hpp"
#include "controller/dns/name_message.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::test {

inline VectorFile& dns_file() { return VectorFile::load("dns"); }

inline std::string text_of(boost::json::value const& value) {
  return {value.as_string().data(), value.as_string().size()};
}

inline std::int64_t number_of(boost::json::value const& value) { return value.to_number<std::int64_t>(); }

inline PeerName peer_of(boost::json::value const& value) { return PeerName::parse(text_of(value)).value(); }

inline Ipv4Address address_of(boost::json::value const& value) { return Ipv4Address::parse(text_of(value)).value(); }

inline controller::dns::NameSet names_of(boost::json::value const& entries) {
  controller::dns::NameSet names;
  for (auto const& entry : entries.as_array()) {
    names.insert({{text_of(entry.at("hostname")), peer_of(entry.at("origin")), text_of(entry.at("container")),
                   address_of(entry.at("addr"))},
                  {number_of(entry.at("version")), number_of(entry.at("tombstone"))}});
  }
  return names;
}

inline controller::dns::NameMessage message_of(boost::json::value const& message) {
  return {.timestamp = number_of(message.at("timestamp")), .entries = names_of(message.at("entries"))};
}

/// One line for each entry, for comparisons that say what differs.
inline std::vector<std::string> lines_of(controller::dns::NameSet const& names) {
  std::vector<std::string> lines;
  for (auto const& [key, state] : names) {
    lines.push_back(key.hostname + ' ' + key.origin.to_string() + ' ' + key.container_id + ' ' +
                    key.address.to_string() + " v" + std::to_string(state.version) + " t" +
                    std::to_string(state.tombstone));
  }
  return lines;
}

inline std::vector<std::string> lines_of(controller::dns::NameMessage const& message) {
  auto lines = lines_of(message.entries);
  lines.push_back("at " + std::to_string(message.timestamp));
  return lines;
}

} // namespace weave::test
