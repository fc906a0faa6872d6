#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/logger.hpp"
#include "base/result.hpp"
#include "controller/dns/name_gossiper.hpp"
#include "controller/dns/name_store.hpp"

namespace weave::controller::dns {

/// Which names this host registers (protocol/ipam-dns.md §14): those that people add and remove, which are kept across
/// restarts of the daemon, and those of containers, which Docker knows and which are told again after a restart. A name
/// outside the domain, or one that no DNS message can hold, is ignored and logged. Control thread; gossiper and store
/// must outlive it.
class NameRegistry {
 public:
  NameRegistry(NameGossiper& gossiper, NameStore& store, std::string_view domain, Logger log)
      : gossiper_{gossiper}, store_{store}, domain_{qualified(domain)}, log_{std::move(log)} {}

  /// Brings back what people had added. Before the mesh starts.
  [[nodiscard]] Result<void> restore();

  /// With the final dot.
  [[nodiscard]] std::string const& domain() const { return domain_; }

  /// What people ask for. False if the name is ignored. An error says that it is registered, but could not be stored;
  /// that is tried again with the next change.
  [[nodiscard]] Result<bool> add(std::string const& container_id, std::string_view fqdn, Ipv4Address address);
  /// How many entries that were. The hostname of the filter needs no final dot. A container does not get removed names
  /// back until it dies. Errors as with add.
  [[nodiscard]] Result<std::size_t> remove(NameFilter filter);

  /// A name that a running container has from Docker, or has no longer; what people have said of it prevails. False if
  /// the name is ignored.
  bool add_of_container(std::string const& id, std::string_view fqdn, Ipv4Address address);
  void remove_of_container(std::string const& id, std::string_view fqdn, Ipv4Address address);
  /// All names of the container go for good.
  void on_container_died(std::string const& id);
  /// All other containers have died; ids that are not those of containers (64 hex digits) are left alone.
  void keep_only_running(std::set<std::string> const& containers);

 private:
  [[nodiscard]] bool is_acceptable(std::string_view qualified_name) const;
  /// Nothing if the name is to be ignored, which is logged.
  [[nodiscard]] std::optional<OwnName> accept(std::string const& id, std::string_view fqdn, Ipv4Address address) const;
  [[nodiscard]] std::optional<Wish> wish_for(OwnName const& name) const;
  [[nodiscard]] std::vector<OwnName> live_names(NameFilter const& filter) const;
  Result<void> save(std::vector<NameStore::Change> const& changes);

  NameGossiper& gossiper_;
  NameStore& store_;
  std::string domain_;
  Logger log_;
  std::map<OwnName, Wish> wishes_;
  /// Changes that could not be saved, for the next attempt.
  std::map<OwnName, std::optional<Wish>> unsaved_;
  std::map<std::string, std::set<OwnName>> containers_;
};

} // namespace weave::controller::dns
