#include "controller/app/address_service.hpp"

#include <bit>
#include <memory>
#include <utility>

namespace weave::controller {
namespace {

/// Just before the driver's own limit, so that Docker is told the allocator's reason and not only that time is up.
constexpr Duration kPluginDeadline = std::chrono::milliseconds{9500};

std::function<void()> cancel_of(ipam::Operation operation) {
  auto held = std::make_shared<ipam::Operation>(std::move(operation));
  return [held] { held->cancel(); };
}

/// The CIDR that is exactly `range`; Docker's pools are always one.
std::optional<Ipv4Cidr> cidr_of(Ipv4Range range) {
  auto const size = range.size();
  if (!std::has_single_bit(size)) return std::nullopt;
  Ipv4Cidr const cidr{range.start, 32 - std::countr_zero(size)};
  if (cidr.network() != cidr) return std::nullopt;
  return cidr;
}

} // namespace

api::Cancel ControlAddresses::allocate(std::string id, std::optional<Ipv4Cidr> subnet, bool check_alive,
                                       Limit limit, api::Completion<Ipv4Cidr> done) {
  return cancel_of(allocator_.allocate({.id = std::move(id),
                                        .subnet = subnet.value_or(allocator_.default_subnet()),
                                        .is_container = check_alive,
                                        .deadline = limit},
                                       std::move(done)));
}

api::Cancel ControlAddresses::claim(std::string id, Ipv4Cidr address, bool check_alive, bool no_error_on_unknown,
                                    Limit limit, api::Completion<void> done) {
  return cancel_of(allocator_.claim({.id = std::move(id),
                                     .cidr = address,
                                     .is_container = check_alive,
                                     .no_error_on_unknown = no_error_on_unknown,
                                     .exclusive = false,
                                     .deadline = limit},
                                    std::move(done)));
}

std::vector<Ipv4Cidr> ControlAddresses::lookup(std::string const& id, std::optional<Ipv4Cidr> subnet) const {
  return allocator_.lookup(id, subnet.value_or(allocator_.default_subnet()).host_range());
}

std::vector<api::OwnedAddresses> ControlAddresses::owned() const {
  std::vector<api::OwnedAddresses> rows;
  for (auto const& [id, addresses] : allocator_.owned().all()) {
    rows.push_back({.container_id = id, .addresses = addresses.cidrs});
  }
  return rows;
}

Result<void> ControlAddresses::release(std::string const& id, Ipv4Address address) {
  return allocator_.release(id, address);
}

Result<void> ControlAddresses::release_all(std::string const& id) { return allocator_.release_all(id); }

api::Cancel ControlAddresses::prime(Limit limit, api::Completion<void> done) {
  return cancel_of(allocator_.prime({.deadline = limit}, std::move(done)));
}

plugin::AddressAllocator::Cancel PluginAddresses::allocate(Ipv4Cidr subnet, Ipv4Range range, Allocated done) {
  auto const within = cidr_of(range).value_or(subnet);
  return cancel_of(allocator_.allocate(
      {.id = std::string{ipam::kAnonymous}, .subnet = within, .is_container = false, .deadline = kPluginDeadline},
      [done = std::move(done)](Result<Ipv4Cidr> const& granted) {
        if (!granted) return done(failure_of(granted));
        done(granted->address);
      }));
}

plugin::AddressAllocator::Cancel PluginAddresses::claim(Ipv4Cidr address, Claimed done) {
  return cancel_of(allocator_.claim({.id = std::string{ipam::kAnonymous},
                                     .cidr = address,
                                     .is_container = false,
                                     .no_error_on_unknown = false,
                                     .exclusive = true,
                                     .deadline = kPluginDeadline},
                                    std::move(done)));
}

} // namespace weave::controller
