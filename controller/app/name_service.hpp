#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "controller/api/control_port.hpp"
#include "controller/dns/name_registry.hpp"
#include "gossip/mesh_router.hpp"

namespace weave::controller {

/// What the name database may know of the mesh. Borrows the router; control thread only.
class MeshMembership final : public dns::MeshMembers {
 public:
  explicit MeshMembership(gossip::MeshRouter const& mesh) : mesh_{mesh} {}

  [[nodiscard]] bool is_known(PeerName peer) const override { return mesh_.knows(peer); }
  [[nodiscard]] std::vector<PeerName> members() const override { return mesh_.peers(); }

 private:
  gossip::MeshRouter const& mesh_;
};

/// Database and registrations as the control API uses them (protocol/surfaces.md §6.3). Borrowed; control thread only.
class NameService final : public api::NamePort {
 public:
  /// Whether a container runs; true if that cannot be found out. Answers once, and not any more when this has gone.
  using LivenessCheck = std::function<void(std::string const& container_id, std::function<void(bool)> done)>;

  /// Without a check every container counts as running.
  NameService(dns::NameRegistry& registry, dns::NameGossiper const& gossiper, std::string listen_address,
              LivenessCheck is_running)
      : registry_{registry},
        gossiper_{gossiper},
        listen_address_{std::move(listen_address)},
        is_running_{std::move(is_running)} {}

  void add(std::string container_id, Ipv4Address address, std::string fqdn, bool check_alive,
           api::Completion<void> done) override;
  [[nodiscard]] Result<void> remove(Filter filter) override;
  [[nodiscard]] std::vector<api::DnsEntryStatus> entries() const override;
  [[nodiscard]] std::string domain() const override { return registry_.domain(); }
  [[nodiscard]] std::string listen_address() const override { return listen_address_; }

  /// Once it is known; empty before.
  void set_listen_address(std::string address) { listen_address_ = std::move(address); }

  /// The part of the report; `upstream` are the servers that other questions go to.
  [[nodiscard]] api::DnsStatus status(std::vector<std::string> upstream, std::uint32_t ttl) const;

 private:
  dns::NameRegistry& registry_;
  dns::NameGossiper const& gossiper_;
  std::string listen_address_;
  LivenessCheck is_running_;
};

} // namespace weave::controller
