#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "datapath/ipsec/xfrm.hpp"

namespace weave::test {

/// The kernel's IPsec of one host, without packets.
class FakeXfrm final : public datapath::ipsec::Xfrm {
 public:
  using AssociationId = datapath::ipsec::AssociationId;
  using Policy = datapath::ipsec::Policy;
  using PolicyId = datapath::ipsec::PolicyId;
  using Spi = datapath::ipsec::Spi;

  [[nodiscard]] Result<Spi> allocate(Ipv4Address source, Ipv4Address destination) override {
    if (refusal) return std::unexpected{*refusal};
    AssociationId const id{source, destination, Spi{next_spi++}};
    keys.emplace(id, Bytes{});
    return id.spi;
  }
  [[nodiscard]] Result<void> complete(AssociationId const& id, Secret const& key) override {
    calls.emplace_back("complete");
    auto const found = keys.find(id);
    if (found == keys.end() || !found->second.empty()) return failure(ErrorKind::not_found, "not allocated");
    found->second.assign(key.octets().begin(), key.octets().end());
    return {};
  }
  [[nodiscard]] Result<void> add(AssociationId const& id, Secret const& key) override {
    calls.emplace_back("add");
    if (refusal) return std::unexpected{*refusal};
    if (!keys.emplace(id, Bytes{key.octets().begin(), key.octets().end()}).second) {
      return failure(ErrorKind::already_exists, "exists");
    }
    return {};
  }
  [[nodiscard]] Result<void> remove(AssociationId const& id) override {
    if (keys.erase(id) != 0) calls.emplace_back("remove association");
    return {};
  }
  [[nodiscard]] Result<void> set(Policy const& policy) override {
    calls.emplace_back(policy.treatment == datapath::ipsec::Treatment::block ? "block" : "set policy");
    if (refusal) return std::unexpected{*refusal};
    policies.insert_or_assign(policy.id, policy);
    return {};
  }
  [[nodiscard]] Result<void> remove(PolicyId const& id) override {
    if (policies.erase(id) != 0) calls.emplace_back("remove policy");
    return {};
  }
  [[nodiscard]] Result<datapath::ipsec::Inventory> inventory() override {
    ++listed;
    datapath::ipsec::Inventory all;
    for (auto const& [id, key] : keys) all.associations.push_back(id);
    for (auto const& [id, policy] : policies) all.policies.push_back(policy);
    return all;
  }

  /// What decides on a packet from `source` to `destination`.
  [[nodiscard]] std::optional<Policy> decision(datapath::ipsec::Direction direction, Ipv4Address source,
                                               Ipv4Address destination, std::uint16_t port) const {
    std::optional<Policy> best;
    for (auto const& [id, policy] : policies) {
      bool const matches = id.direction == direction && id.port == port &&
                           (id.source.is_unspecified() || id.source == source) &&
                           (id.destination.is_unspecified() || id.destination == destination);
      if (matches && (!best || policy.priority < best->priority)) best = policy;
    }
    return best;
  }

  std::optional<Error> refusal;
  std::map<AssociationId, Bytes> keys;
  std::map<PolicyId, Policy> policies;
  std::vector<std::string> calls;
  std::uint32_t next_spi = 0x1000;
  unsigned listed = 0;
};

} // namespace weave::test
