#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "controller/dns/name_store.hpp"
#include "controller/ipam/ipam_ports.hpp"
#include "plugin/driver_store.hpp"

namespace weave::controller {

/// What a first start takes over from another program.
struct Inheritance {
  PeerName name;
  /// Ring and owned addresses; nothing: there are none.
  std::optional<ipam::StoredIpam> ipam;
  std::vector<std::string> targets;
};

/// The state file as each part of the daemon wants to see it. Control thread only.
class StoreService {
 public:
  virtual ~StoreService() = default;

  /// Opens or creates the file and its directory. An error names the file.
  [[nodiscard]] static Result<std::unique_ptr<StoreService>> open(std::string const& path);

  /// Why the last change could not be stored; empty when it was.
  [[nodiscard]] virtual std::string obstacle() const = 0;
  [[nodiscard]] virtual std::optional<PeerName> peer_name() const = 0;
  [[nodiscard]] virtual Result<void> set_peer_name(PeerName name) = 0;
  /// Of the last process; kernels of other hosts may still use it.
  [[nodiscard]] virtual std::optional<ShortId> short_id() const = 0;
  [[nodiscard]] virtual Result<void> set_short_id(ShortId id) = 0;
  [[nodiscard]] virtual std::vector<std::string> targets() const = 0;
  [[nodiscard]] virtual Result<void> set_targets(std::vector<std::string> const& targets) = 0;
  /// Addresses of this host in the overlay, as expose_service.hpp writes them.
  [[nodiscard]] virtual std::string exposures() const = 0;
  [[nodiscard]] virtual Result<void> set_exposures(std::string const& text) = 0;
  /// In one step: after a crash the file holds all of it or nothing.
  [[nodiscard]] virtual Result<void> inherit(Inheritance const& inheritance) = 0;
  /// Addresses that people filed without an id, as address_service.hpp writes them.
  [[nodiscard]] virtual std::string hand_filed() const = 0;
  [[nodiscard]] virtual Result<void> set_hand_filed(std::string const& text) = 0;
  /// What `weave attach` gave to containers, as attachment_keeper.hpp writes it.
  [[nodiscard]] virtual std::string attachments() const = 0;
  [[nodiscard]] virtual Result<void> set_attachments(std::string const& text) = 0;
  [[nodiscard]] virtual ipam::IpamStore& ipam() = 0;
  [[nodiscard]] virtual plugin::DriverStore& drivers() = 0;
  [[nodiscard]] virtual dns::NameStore& names() = 0;
};

} // namespace weave::controller
