#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/api/control_port.hpp"
#include "controller/app/allocation_gate.hpp"
#include "controller/ipam/allocator.hpp"
#include "plugin/address_allocator.hpp"

namespace weave::controller {

/// Addresses that people, not Docker, filed under their own text. What nobody seems to use of Docker's is freed one
/// day; who uses these only their owners know.
class HandFiledAddresses {
 public:
  /// `stored`: as `save` was given it last. What in it is no address is dropped.
  HandFiledAddresses(std::string_view stored, std::function<Result<void>(std::string const&)> save);

  [[nodiscard]] bool contains(Ipv4Address address) const { return addresses_.contains(address); }
  /// Saved when this returns; on error it is not marked.
  [[nodiscard]] Result<void> add(Ipv4Address address);
  /// A mark that stays because it cannot be saved does no harm.
  void remove(Ipv4Address address);

 private:
  [[nodiscard]] Result<void> save() const;

  std::set<Ipv4Address> addresses_;
  std::function<Result<void>(std::string const&)> save_;
};

/// The allocator as the control API uses it (protocol/surfaces.md §6.1). With check-alive the engine is asked first,
/// and an operation for a container that does not run is cancelled. Control thread; all that is given must outlive it.
class ControlAddresses final : public api::AddressPort {
 public:
  /// Whether a container runs; true if that cannot be found out. Answers once.
  using LivenessCheck = std::function<void(std::string const& container_id, std::function<void(bool)> done)>;

  /// Without a check every container counts as running.
  ControlAddresses(ipam::Allocator& allocator, AllocationGate& gate, HandFiledAddresses& by_hand,
                   LivenessCheck is_running)
      : allocator_{allocator}, gate_{gate}, by_hand_{by_hand}, is_running_{std::move(is_running)} {}

  [[nodiscard]] api::Cancel allocate(std::string id, std::optional<Ipv4Cidr> subnet, bool check_alive, Limit limit,
                                     api::Completion<Ipv4Cidr> done) override;
  [[nodiscard]] api::Cancel claim(std::string id, Ipv4Cidr address, bool check_alive, bool no_error_on_unknown,
                                  Limit limit, api::Completion<void> done) override;
  [[nodiscard]] std::vector<Ipv4Cidr> lookup(std::string const& id, std::optional<Ipv4Cidr> subnet) const override;
  [[nodiscard]] std::vector<api::OwnedAddresses> owned() const override;
  [[nodiscard]] Result<void> release(std::string const& id, Ipv4Address address) override;
  [[nodiscard]] Result<void> release_all(std::string const& id) override;
  [[nodiscard]] Ipv4Cidr default_subnet() const override { return allocator_.default_subnet(); }
  [[nodiscard]] std::string tracker() const override { return tracker_; }
  void name_tracker(std::string_view name) { tracker_ = name; }
  [[nodiscard]] api::Cancel prime(Limit limit, api::Completion<void> done) override;
  void hand_over() override { allocator_.shut_down(); }
  [[nodiscard]] Result<std::uint32_t> take_over(std::string const& peer) override { return allocator_.take_over(peer); }

 private:
  [[nodiscard]] Result<void> mark(Ipv4Address address, bool held_before);
  /// Calls `done` with whether the operation may begin.
  void when_allowed(std::string const& id, bool check_alive, std::function<void(bool)> done);

  ipam::Allocator& allocator_;
  std::string tracker_;
  AllocationGate& gate_;
  HandFiledAddresses& by_hand_;
  LivenessCheck is_running_;
};

/// The allocator as the Docker IPAM driver uses it: addresses are filed under their own text. Control thread; all that
/// is given must outlive it.
class PluginAddresses final : public plugin::AddressAllocator {
 public:
  struct Hooks {
    /// Says for people whom an allocation waits for.
    std::function<std::string()> waiting_for;
    /// An address was given to Docker, or given back.
    std::function<void(Ipv4Address)> touched;
  };

  PluginAddresses(ipam::Allocator& allocator, AllocationGate& gate, Ipv4Cidr universe, Hooks hooks)
      : allocator_{allocator}, gate_{gate}, universe_{universe}, hooks_{std::move(hooks)} {}

  [[nodiscard]] Ipv4Cidr default_subnet() const override { return allocator_.default_subnet(); }
  [[nodiscard]] Ipv4Cidr universe() const override { return universe_; }
  [[nodiscard]] Cancel allocate(Ipv4Cidr subnet, Ipv4Range range, Allocated done) override;
  [[nodiscard]] Cancel claim(Ipv4Cidr address, Claimed done) override;
  [[nodiscard]] Result<void> release(Ipv4Address address) override;
  [[nodiscard]] std::string waiting_for() const override { return hooks_.waiting_for(); }

 private:
  void touch(Ipv4Address address) const {
    if (hooks_.touched) hooks_.touched(address);
  }

  ipam::Allocator& allocator_;
  AllocationGate& gate_;
  Ipv4Cidr universe_;
  Hooks hooks_;
};

} // namespace weave::controller
