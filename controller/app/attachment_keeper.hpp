#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/logger.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "controller/api/host_port.hpp"
#include "controller/docker/container_names.hpp"
#include "controller/ipam/allocator.hpp"

namespace weave::controller {

/// What `weave attach` was asked for, by full container id.
using Attachments = std::map<std::string, api::AttachPort::Wish, std::less<>>;

/// As they are stored: JSON.
[[nodiscard]] std::string to_text(Attachments const& attachments);
/// malformed: not such a text.
[[nodiscard]] Result<Attachments> parse_attachments(std::string_view text);

/// Remembers what was attached to containers and attaches it again when one starts: its interface goes with the network
/// namespace, and Docker makes another one at each start. Also after a start that happened while the daemon was down.
/// An address that somebody else was given meanwhile is left out, and that is logged; so is whatever else goes wrong.
/// Control thread; what it is given must outlive it.
class AttachmentKeeper final : public api::AttachPort, public docker::ContainerNames {
 public:
  /// A container waits no longer for one of its addresses.
  static constexpr Duration kClaimLimit = std::chrono::seconds{10};

  struct Ports {
    api::AttachPort& interfaces;
    /// On stable storage when this returns.
    std::function<Result<void>(std::string const& text)> save;
    /// Holds the address for the container again; calls back once, after kClaimLimit at the latest.
    std::function<void(std::string const& container, Ipv4Cidr address, api::Completion<void> done)> claim;
    std::function<void(std::string const& container, Ipv4Address address, std::string const& fqdn)> name;
    Logger logger;
  };

  AttachmentKeeper(Attachments stored, Ports ports) : attachments_{std::move(stored)}, ports_{std::move(ports)} {}
  AttachmentKeeper(AttachmentKeeper const&) = delete;
  AttachmentKeeper& operator=(AttachmentKeeper const&) = delete;

  void find(std::string container, api::Completion<Identity> done) override;
  /// What cannot be saved is attached all the same, and the log says so.
  void attach(std::string container, Wish wish, api::Completion<void> done) override;
  void detach(std::string container, std::vector<Ipv4Address> addresses, api::Completion<void> done) override;

  void add(std::string const&, std::string const&, Ipv4Address) override {}
  void remove(std::string const&, std::string const&, Ipv4Address) override {}
  void died(std::string const&) override {}
  void started(std::string const& id) override;
  void destroyed(std::string const& id) override;

  /// What was found attached to running containers and is not remembered, because an original Weave Net did it or the
  /// memory was lost: they keep it, and their names, from now on.
  void adopt(std::vector<ipam::ReclaimedAddress> const& found);
  /// Forgets containers that are gone, as nobody may have been there to see it.
  void forget_if(std::function<bool(std::string const& container)> const& is_gone);

 private:
  /// Of one container that has started.
  struct Restoration {
    std::string container;
    Wish wish;
    /// Not asked for yet.
    std::vector<Ipv4Cidr> rest;
  };

  void remember(std::string const& container, Wish const& wish);
  void forget(std::string const& container, std::vector<Ipv4Address> const& addresses);
  void save() const;
  void claim_next(Restoration restoration);
  void plug_in(Restoration restoration);
  void register_name(Restoration const& restoration);

  Attachments attachments_;
  Ports ports_;
  std::set<std::string, std::less<>> restoring_;
};

} // namespace weave::controller
