#include "controller/dns/name_registry.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace weave::controller::dns {
namespace {

bool is_container_id(std::string_view id) {
  constexpr std::size_t kLength = 64;
  return id.size() == kLength && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

} // namespace

bool NameRegistry::is_acceptable(std::string_view qualified_name) const {
  return is_registrable(qualified_name) && is_inside(qualified_name, domain_);
}

std::optional<OwnName> NameRegistry::accept(std::string const& id, std::string_view fqdn, Ipv4Address address) const {
  auto hostname = qualified(fqdn);
  if (!is_acceptable(hostname)) {
    log_.info("Ignoring registration {} {} {} (not a subdomain of {})", fqdn, address.to_string(), id, domain_);
    return std::nullopt;
  }
  return OwnName{.container_id = id, .hostname = std::move(hostname), .address = address};
}

Result<void> NameRegistry::restore() {
  auto rows = store_.load();
  if (!rows) return failure_of(rows);
  for (auto const& [name, wish] : *rows) {
    wishes_.emplace(name, wish);
    if (wish != Wish::present || !is_acceptable(name.hostname)) continue;
    gossiper_.add(name.container_id, name.hostname, name.address);
  }
  return {};
}

Result<bool> NameRegistry::add(std::string const& container_id, std::string_view fqdn, Ipv4Address address) {
  auto const name = accept(container_id, fqdn, address);
  if (!name) return false;
  gossiper_.add(container_id, name->hostname, address);
  if (wish_for(*name) == Wish::present && !unsaved_.contains(*name)) return true;
  if (auto const saved = save({{*name, Wish::present}}); !saved) return failure_of(saved);
  return true;
}

Result<std::size_t> NameRegistry::remove(NameFilter filter) {
  if (filter.hostname) filter.hostname = qualified(*filter.hostname);
  std::vector<NameStore::Change> changes;
  for (auto const& name : live_names(filter)) {
    auto const container = containers_.find(name.container_id);
    if (container != containers_.end() && container->second.contains(name)) {
      changes.emplace_back(name, Wish::absent);
    } else if (wish_for(name)) {
      changes.emplace_back(name, std::nullopt);
    }
  }
  // Who asks again wants what an earlier attempt has left unsaved.
  if (changes.empty() && !unsaved_.empty()) changes.emplace_back(*unsaved_.begin());
  auto const saved = save(changes);
  auto const removed = gossiper_.remove(filter);
  if (!saved) return failure_of(saved);
  return removed;
}

bool NameRegistry::add_of_container(std::string const& id, std::string_view fqdn, Ipv4Address address) {
  auto const name = accept(id, fqdn, address);
  if (!name) return false;
  if (!containers_[id].insert(*name).second) return true;
  if (wish_for(*name) != Wish::absent) gossiper_.add(id, name->hostname, address);
  return true;
}

void NameRegistry::remove_of_container(std::string const& id, std::string_view fqdn, Ipv4Address address) {
  OwnName const name{.container_id = id, .hostname = qualified(fqdn), .address = address};
  if (auto const at = containers_.find(id); at != containers_.end()) at->second.erase(name);
  if (wish_for(name) == Wish::present) return;
  gossiper_.remove({.container_id = id, .address = address, .hostname = name.hostname});
}

void NameRegistry::on_container_died(std::string const& id) {
  containers_.erase(id);
  std::vector<NameStore::Change> changes;
  for (auto const& [name, wish] : wishes_) {
    if (name.container_id == id) changes.emplace_back(name, std::nullopt);
  }
  gossiper_.remove({.container_id = id});
  (void)save(changes);
}

void NameRegistry::keep_only_running(std::set<std::string> const& containers) {
  std::set<std::string> dead;
  auto const note = [&](std::string const& id) {
    if (is_container_id(id) && !containers.contains(id)) dead.insert(id);
  };
  for (auto const& [key, state] : gossiper_.table().entries_of(gossiper_.self())) {
    if (state.is_live()) note(key.container_id);
  }
  for (auto const& [name, wish] : wishes_) note(name.container_id);
  for (auto const& [id, names] : containers_) note(id);
  for (auto const& id : dead) on_container_died(id);
}

std::optional<Wish> NameRegistry::wish_for(OwnName const& name) const {
  auto const at = wishes_.find(name);
  if (at == wishes_.end()) return std::nullopt;
  return at->second;
}

std::vector<OwnName> NameRegistry::live_names(NameFilter const& filter) const {
  std::vector<OwnName> names;
  for (auto const& [key, state] : gossiper_.table().entries_of(gossiper_.self())) {
    if (!state.is_live() || !filter.matches(key)) continue;
    names.push_back({.container_id = key.container_id, .hostname = key.hostname, .address = key.address});
  }
  return names;
}

Result<void> NameRegistry::save(std::vector<NameStore::Change> const& changes) {
  if (changes.empty()) return {};
  for (auto const& [name, wish] : changes) {
    unsaved_[name] = wish;
    if (wish) {
      wishes_[name] = *wish;
    } else {
      wishes_.erase(name);
    }
  }
  // Names are answered from memory: losing them at the next restart is better than not having them now.
  auto const saved = store_.save({unsaved_.begin(), unsaved_.end()});
  if (saved) {
    unsaved_.clear();
    return {};
  }
  log_.error("names will not be remembered across a restart until something can be saved again: {}",
             saved.error().text());
  return failure(saved.error().kind(),
                 fmt::format("in force now, but forgotten at the next start: {}", saved.error().text()));
}

} // namespace weave::controller::dns
