#include <exception>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "controller/api/json_fields.hpp"
#include "controller/api/json_text.hpp"
#include "controller/api/messages.hpp"

namespace weave::controller::api {
namespace {

namespace json = boost::json;

// Other than in the report, peers are numbers here and addresses are called Addr.
json::value to_value(DnsEntryStatus const& entry) {
  return {{"ContainerID", entry.container_id}, {"Origin", entry.origin.value()}, {"Addr", entry.address.to_string()},
          {"Hostname", entry.hostname},        {"Version", entry.version},       {"Tombstone", entry.tombstone}};
}

DnsEntryStatus from_value(json::value const& value) {
  return {.hostname = read<std::string>(value, "Hostname"),
          .origin = PeerName{read<std::uint64_t>(value, "Origin")},
          .container_id = read<std::string>(value, "ContainerID"),
          .address = read_parsed(value, "Addr", Ipv4Address::parse),
          .version = read<std::int64_t>(value, "Version"),
          .tombstone = read<std::int64_t>(value, "Tombstone")};
}

} // namespace

std::string to_json(std::vector<DnsEntryStatus> const& entries) {
  return compact_json(list_or_null(entries, to_value)) + "\n";
}

Result<std::vector<DnsEntryStatus>> parse_names(std::string_view text) {
  try {
    std::vector<DnsEntryStatus> entries;
    auto const value = json::parse(text);
    if (value.is_null()) return entries;
    for (auto const& item : value.as_array()) entries.push_back(from_value(item));
    return entries;
  } catch (std::exception const& error) {
    return failure(ErrorKind::malformed, fmt::format("invalid list of names: {}", error.what()));
  }
}

} // namespace weave::controller::api
