#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "controller/api/control_port.hpp"
#include "controller/ipam/allocator.hpp"
#include "plugin/address_allocator.hpp"

namespace weave::controller {

/// The allocator as the control API uses it (protocol/surfaces.md §6.1). Borrowed; control thread only.
class ControlAddresses final : public api::AddressPort {
 public:
  explicit ControlAddresses(ipam::Allocator& allocator) : allocator_{allocator} {}

  [[nodiscard]] api::Cancel allocate(std::string id, std::optional<Ipv4Cidr> subnet, bool check_alive, Limit limit,
                                     api::Completion<Ipv4Cidr> done) override;
  [[nodiscard]] api::Cancel claim(std::string id, Ipv4Cidr address, bool check_alive, bool no_error_on_unknown,
                                  Limit limit, api::Completion<void> done) override;
  [[nodiscard]] std::vector<Ipv4Cidr> lookup(std::string const& id, std::optional<Ipv4Cidr> subnet) const override;
  [[nodiscard]] std::vector<api::OwnedAddresses> owned() const override;
  [[nodiscard]] Result<void> release(std::string const& id, Ipv4Address address) override;
  [[nodiscard]] Result<void> release_all(std::string const& id) override;
  [[nodiscard]] Ipv4Cidr default_subnet() const override { return allocator_.default_subnet(); }
  [[nodiscard]] std::string tracker() const override { return {}; }
  [[nodiscard]] api::Cancel prime(Limit limit, api::Completion<void> done) override;
  void hand_over() override { allocator_.shut_down(); }
  [[nodiscard]] Result<std::uint32_t> take_over(std::string const& peer) override { return allocator_.take_over(peer); }

 private:
  ipam::Allocator& allocator_;
};

/// The allocator as the Docker IPAM driver uses it: addresses are filed under their own text. Borrowed; control thread.
class PluginAddresses final : public plugin::AddressAllocator {
 public:
  /// `waiting_for` says for people whom an allocation waits for.
  PluginAddresses(ipam::Allocator& allocator, Ipv4Cidr universe, std::function<std::string()> waiting_for)
      : allocator_{allocator}, universe_{universe}, waiting_for_{std::move(waiting_for)} {}

  [[nodiscard]] Ipv4Cidr default_subnet() const override { return allocator_.default_subnet(); }
  [[nodiscard]] Ipv4Cidr universe() const override { return universe_; }
  [[nodiscard]] Cancel allocate(Ipv4Cidr subnet, Ipv4Range range, Allocated done) override;
  [[nodiscard]] Cancel claim(Ipv4Cidr address, Claimed done) override;
  [[nodiscard]] Result<void> release(Ipv4Address address) override { return allocator_.release_address(address); }
  [[nodiscard]] std::string waiting_for() const override { return waiting_for_(); }

 private:
  ipam::Allocator& allocator_;
  Ipv4Cidr universe_;
  std::function<std::string()> waiting_for_;
};

} // namespace weave::controller
