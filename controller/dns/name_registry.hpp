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

/// The DNS domain as configured, with the final dot appended if it is missing.
[[nodiscard]] std::string qualified(std::string_view name);

/// Which names this host registers (protocol/ipam-dns.md §14): those that people add and remove, which are kept across
/// restarts of the daemon, and those of containers, which Docker knows and which are told again after a restart. A name
/// outside the domain, or one that no DNS message can hold, is ignored and logged. Ids that begin with `weave:` stand
/// for no container. Control thread; gossiper and store must outlive it.
class NameRegistry {
 public:
  NameRegistry(NameGossiper& gossiper, NameStore& store, std::string_view domain, Logger log)
      : gossiper_{gossiper}, store_{store}, domain_{qualified(domain)}, log_{std::move(log)} {}

  /// Brings back what people had added. Before the mesh starts.
  [[nodiscard]] Result<void> restore();

  /// With the final dot.
  [[nodiscard]] std::string const& domain() const { return domain_; }

  /// What people ask for. False if the name is ignored. If it cannot be stored it is registered none the less, and that
  /// is logged.
  bool add(std::string const& container_id, std::string_view fqdn, Ipv4Address address);
  /// How many entries that were. The hostname of the filter needs no final dot. A container does not get removed names
  /// back until it dies.
  std::size_t remove(NameFilter filter);

  /// The names that a running container has from Docker, all of them; a name without dots is completed with the domain.
  /// Names that it had before and that are not among these go, those that people added for it stay.
  void set_container(std::string const& id, std::vector<std::pair<std::string, Ipv4Address>> const& names);
  /// All names of the container go for good.
  void on_container_died(std::string const& id);
  /// All other containers have died.
  void keep_only_running(std::set<std::string> const& containers);

 private:
  /// The name as it is registered; nothing if it is to be ignored.
  [[nodiscard]] std::optional<std::string> accept(std::string_view fqdn) const;
  [[nodiscard]] std::optional<Wish> wish_for(OwnName const& name) const;
  [[nodiscard]] std::vector<OwnName> live_names(NameFilter const& filter) const;
  void save(std::vector<NameStore::Change> const& changes);

  NameGossiper& gossiper_;
  NameStore& store_;
  std::string domain_;
  Logger log_;
  std::map<OwnName, Wish> wishes_;
  std::map<std::string, std::set<OwnName>> containers_;
};

} // namespace weave::controller::dns
