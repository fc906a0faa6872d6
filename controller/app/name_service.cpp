#include "controller/app/name_service.hpp"

#include <algorithm>
#include <tuple>

namespace weave::controller {

void NameService::add(std::string container_id, Ipv4Address address, std::string fqdn, bool check_alive,
                      api::Completion<void> done) {
  auto const added = registry_.add(container_id, fqdn, address);
  if (!added) return done(failure_of(added));
  if (!*added || !check_alive || !is_running_) return done({});
  is_running_(container_id, [this, container_id, address, fqdn = std::move(fqdn), done = std::move(done)](bool runs) {
    if (!runs) (void)registry_.remove({.container_id = container_id, .address = address, .hostname = fqdn});
    done({});
  });
}

Result<void> NameService::remove(Filter filter) {
  auto const removed = registry_.remove(
      {.container_id = std::move(filter.container_id), .address = filter.address, .hostname = std::move(filter.fqdn)});
  if (!removed) return failure_of(removed);
  return {};
}

std::vector<api::DnsEntryStatus> NameService::entries() const {
  using Sortable = std::pair<std::string, api::DnsEntryStatus>;
  std::vector<Sortable> sorted;
  for (auto const& [key, state] : gossiper_.table().entries()) {
    sorted.emplace_back(dns::lower_case(key.hostname), api::DnsEntryStatus{.hostname = key.hostname,
                                                                           .origin = key.origin,
                                                                           .container_id = key.container_id,
                                                                           .address = key.address,
                                                                           .version = state.version,
                                                                           .tombstone = state.tombstone});
  }
  std::ranges::sort(sorted, {}, [](Sortable const& each) {
    auto const& [name, entry] = each;
    return std::tie(name, entry.origin, entry.container_id, entry.address, entry.hostname);
  });
  std::vector<api::DnsEntryStatus> entries;
  for (auto& [name, entry] : sorted) entries.push_back(std::move(entry));
  return entries;
}

api::DnsStatus NameService::status(std::vector<std::string> upstream, std::uint32_t ttl) const {
  return {.domain = domain(),
          .upstream = std::move(upstream),
          .address = listen_address_,
          .ttl = ttl,
          .entries = entries()};
}

} // namespace weave::controller
