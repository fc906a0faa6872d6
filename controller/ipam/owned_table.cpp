#include "controller/ipam/owned_table.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace weave::controller::ipam {

bool OwnedTable::record(std::string const& id, bool is_container, Ipv4Cidr cidr) {
  if (!holders_.emplace(cidr.address, id).second) return false;
  auto& entry = ids_[id];
  // The first record decides, except that a watched container stays watched.
  entry.is_container = entry.cidrs.empty() ? is_container : entry.is_container || is_container;
  entry.cidrs.push_back(cidr);
  changed_.insert(id);
  return true;
}

std::optional<Ipv4Cidr> OwnedTable::remove(std::string_view id, Ipv4Address address) {
  auto const entry = ids_.find(id);
  if (entry == ids_.end()) return std::nullopt;
  auto& cidrs = entry->second.cidrs;
  auto const at = std::ranges::find(cidrs, address, &Ipv4Cidr::address);
  if (at == cidrs.end()) return std::nullopt;
  auto const cidr = *at;
  cidrs.erase(at);
  holders_.erase(address);
  changed_.insert(entry->first);
  if (cidrs.empty()) ids_.erase(entry);
  return cidr;
}

std::vector<Ipv4Cidr> OwnedTable::remove_all(std::string_view id) {
  auto const entry = ids_.find(id);
  if (entry == ids_.end()) return {};
  auto cidrs = std::move(entry->second.cidrs);
  for (auto const& cidr : cidrs) holders_.erase(cidr.address);
  changed_.insert(entry->first);
  ids_.erase(entry);
  return cidrs;
}

std::string const* OwnedTable::holder(Ipv4Address address) const {
  auto const found = holders_.find(address);
  return found == holders_.end() ? nullptr : &found->second;
}

OwnedAddresses const* OwnedTable::find(std::string_view id) const {
  auto const found = ids_.find(id);
  return found == ids_.end() ? nullptr : &found->second;
}

std::vector<Ipv4Address> OwnedTable::addresses_in(Ipv4Range range) const {
  std::vector<Ipv4Address> found;
  for (auto at = holders_.lower_bound(range.start); at != holders_.end() && at->first < range.end; ++at) {
    found.push_back(at->first);
  }
  return found;
}

std::string format_owned(OwnedAddresses const& owned) {
  boost::json::array addresses;
  for (auto const& cidr : owned.cidrs) addresses.emplace_back(cidr.to_string());
  return boost::json::serialize(
      boost::json::object{{"container", owned.is_container}, {"addrs", std::move(addresses)}});
}

Result<OwnedAddresses> parse_owned(std::string_view text) {
  auto const bad = [&] { return failure(ErrorKind::malformed, fmt::format("bad owned addresses: {}", text)); };
  boost::system::error_code error;
  auto const document = boost::json::parse({text.data(), text.size()}, error);
  if (error || !document.is_object()) return bad();
  auto const* const container = document.as_object().if_contains("container");
  auto const* const addresses = document.as_object().if_contains("addrs");
  if (container == nullptr || !container->is_bool() || addresses == nullptr || !addresses->is_array()) return bad();
  OwnedAddresses owned{container->as_bool(), {}};
  for (auto const& item : addresses->as_array()) {
    if (!item.is_string()) return bad();
    auto const cidr = Ipv4Cidr::parse({item.as_string().data(), item.as_string().size()});
    if (!cidr) return bad();
    owned.cidrs.push_back(*cidr);
  }
  return owned;
}

} // namespace weave::controller::ipam
