#include "controller/dns/name_snapshot.hpp"

#include <algorithm>

namespace weave::controller::dns {

NameSnapshot NameSnapshot::of(std::initializer_list<std::pair<std::string_view, Ipv4Address>> names) {
  NameSnapshot snapshot;
  for (auto const& [name, address] : names) {
    auto key = lower_case(name);
    auto const known_addresses = snapshot.find(key);
    std::vector<Ipv4Address> addresses{known_addresses.begin(), known_addresses.end()};
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    snapshot.set_addresses(std::move(key), std::move(addresses));
    auto const known_names = snapshot.find(address);
    std::vector<std::string> spellings{known_names.begin(), known_names.end()};
    spellings.emplace_back(name);
    snapshot.set_names(address, std::move(spellings));
  }
  return snapshot;
}

void NameSnapshot::set_addresses(std::string lower_case_name, std::vector<Ipv4Address> addresses) {
  if (addresses.empty()) return addresses_.erase(lower_case_name);
  addresses_.put(std::move(lower_case_name), std::move(addresses));
}

void NameSnapshot::set_names(Ipv4Address address, std::vector<std::string> names) {
  if (names.empty()) return names_.erase(address);
  names_.put(address, std::move(names));
}

} // namespace weave::controller::dns
