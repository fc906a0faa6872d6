#include "plugin/driver_records.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace weave::plugin {

namespace json = boost::json;

namespace {

constexpr std::string_view kNetworkKey = "network/";
constexpr std::string_view kEndpointKey = "endpoint/";

std::string key(std::string_view prefix, std::string_view id) { return std::string{prefix} + std::string{id}; }

std::string text_member(json::object const& object, json::string_view name) {
  auto const* value = object.if_contains(name);
  auto const* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string{text->data(), text->size()} : std::string{};
}

bool flag_member(json::object const& object, json::string_view name) {
  auto const* value = object.if_contains(name);
  auto const* flag = value != nullptr ? value->if_bool() : nullptr;
  return flag != nullptr && *flag;
}

std::string to_text(NetworkRecord const& record) {
  json::array pools;
  for (auto const& pool : record.pools) pools.emplace_back(pool);
  return json::serialize(
      json::object{{"multicast", record.multicast}, {"isolated", record.isolated}, {"pools", std::move(pools)}});
}

std::string to_text(EndpointRecord const& record) {
  return json::serialize(json::object{{"network", record.network_id},
                                      {"mac", record.mac_address},
                                      {"requested_mac", record.requested_mac},
                                      {"address", record.address},
                                      {"sandbox", record.sandbox_key}});
}

NetworkRecord to_network(json::object const& object) {
  NetworkRecord record{
      .multicast = flag_member(object, "multicast"), .isolated = flag_member(object, "isolated"), .pools = {}};
  auto const* pools = object.if_contains("pools");
  if (pools == nullptr || !pools->is_array()) return record;
  for (auto const& pool : pools->as_array()) {
    if (auto const* text = pool.if_string()) record.pools.emplace_back(text->data(), text->size());
  }
  return record;
}

EndpointRecord to_endpoint(json::object const& object) {
  return EndpointRecord{.network_id = text_member(object, "network"),
                        .mac_address = text_member(object, "mac"),
                        .requested_mac = flag_member(object, "requested_mac"),
                        .address = text_member(object, "address"),
                        .sandbox_key = text_member(object, "sandbox")};
}

template <class Map>
auto const* find(Map const& map, std::string const& id) {
  auto const found = map.find(id);
  return found == map.end() ? nullptr : &found->second;
}

} // namespace

DriverRecords::DriverRecords(DriverStore& store, Logger log) : store_{store}, log_{std::move(log)} { load(); }

void DriverRecords::load() {
  auto const all = store_.load_all();
  if (!all) return log_.error("plugin: cannot read networks and endpoints: {}", all.error().text());
  for (auto const& [name, text] : *all) {
    json::error_code failed;
    auto const value = json::parse(text, failed);
    if (failed || !value.is_object()) {
      log_.warning("plugin: the record {} cannot be read", name);
    } else if (name.starts_with(kNetworkKey)) {
      networks_[name.substr(kNetworkKey.size())] = to_network(value.as_object());
    } else if (name.starts_with(kEndpointKey)) {
      auto const id = name.substr(kEndpointKey.size());
      endpoints_[id] = to_endpoint(value.as_object());
      inherited_.insert(id);
    }
  }
}

NetworkRecord const* DriverRecords::network(std::string const& id) const { return find(networks_, id); }
EndpointRecord const* DriverRecords::endpoint(std::string const& id) const { return find(endpoints_, id); }

Result<void> DriverRecords::set_network(std::string const& id, NetworkRecord record) {
  auto stored = report(store_.put(key(kNetworkKey, id), to_text(record)), "network");
  networks_[id] = std::move(record);
  return stored;
}

void DriverRecords::set_endpoint(std::string const& id, EndpointRecord record) {
  report(store_.put(key(kEndpointKey, id), to_text(record)), "endpoint");
  endpoints_[id] = std::move(record);
}

void DriverRecords::erase_network(std::string const& id) {
  if (networks_.erase(id) > 0) report(store_.erase(key(kNetworkKey, id)), "network");
}

void DriverRecords::erase_endpoint(std::string const& id) {
  if (endpoints_.erase(id) > 0) report(store_.erase(key(kEndpointKey, id)), "endpoint");
}

Result<void> DriverRecords::report(Result<void> stored, std::string_view what) const {
  if (!stored) log_.error("plugin: cannot store the {}: {}", what, stored.error().text());
  return stored;
}

} // namespace weave::plugin
