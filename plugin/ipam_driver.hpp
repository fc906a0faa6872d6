#pragma once

#include <functional>
#include <memory>
#include <set>

#include "base/logger.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "plugin/address_allocator.hpp"
#include "plugin/address_pool.hpp"
#include "plugin/messages.hpp"
#include "plugin/one_shot.hpp"

namespace weave::plugin {

/// Docker's IPAM driver (protocol/surfaces.md §10.5), for all sockets alike. It keeps nothing of its own: pools are
/// their IDs, addresses belong to the AddressAllocator. Control thread; everything it is given must outlive it.
///
/// A request for an address answers once, at the latest after `limit`, then saying what it waits for; an address that
/// is granted after the deadline or after the client has gone is given back. Pools and releases answer at once, without
/// quorum, and releasing what is not held succeeds.
///
/// Docker asks for a pool without naming one again and again, without end, while what it gets overlaps a route of the
/// host (after `weave expose`); the driver notices and refuses with the way out.
class IpamDriver {
 public:
  using Answer = std::function<void(Result<RequestAddressReply>)>;
  using Cancel = std::function<void()>;

  IpamDriver(Scheduler& scheduler, AddressAllocator& allocator, Logger log, Duration limit = std::chrono::seconds{10})
      : scheduler_{scheduler}, allocator_{allocator}, log_{std::move(log)}, limit_{limit} {}
  IpamDriver(IpamDriver const&) = delete;
  IpamDriver& operator=(IpamDriver const&) = delete;

  [[nodiscard]] Result<RequestPoolReply> request_pool(RequestPoolRequest const& request);
  /// The result stops the request without an answer (the client has gone); harmless later.
  [[nodiscard]] Cancel request_address(RequestAddressRequest const& request, Answer answer);
  [[nodiscard]] Result<void> release_address(ReleaseAddressRequest const& request);

 private:
  struct Pending;

  [[nodiscard]] bool asked_without_end();
  [[nodiscard]] std::shared_ptr<Pending> begin(Answer answer);
  [[nodiscard]] Cancel allocate(AddressPool const& pool, Answer answer);
  [[nodiscard]] Cancel claim(AddressPool const& pool, Ipv4Address address, bool gateway, Answer answer);
  void on_claimed(Pending& pending, Ipv4Cidr address, bool gateway, Result<void> const& claimed);
  void give_back(Ipv4Address address);

  Scheduler& scheduler_;
  AddressAllocator& allocator_;
  Logger log_;
  Duration limit_;
  std::set<Ipv4Address> claiming_;
  TimePoint unnamed_since_{};
  int unnamed_requests_ = 0;                                   ///< for a pool without a name, since then
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); ///< lets late completions see that we are gone
};

} // namespace weave::plugin
