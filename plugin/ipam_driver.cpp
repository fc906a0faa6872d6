#include "plugin/ipam_driver.hpp"

#include <fmt/format.h>

namespace weave::plugin {

namespace {

constexpr std::string_view kAddressType = "RequestAddressType";
constexpr std::string_view kGatewayType = "com.docker.network.gateway";

/// More networks than anybody makes in that time, and a small part of what Docker's loop does.
constexpr std::chrono::seconds kUnnamedWindow{1};
constexpr int kMostUnnamedRequests = 50;

bool is_gateway(RequestAddressRequest const& request) {
  auto const type = request.options.find(std::string{kAddressType});
  return type != request.options.end() && type->second == kGatewayType;
}

RequestAddressReply reply_with(Ipv4Address address, int prefix) {
  return RequestAddressReply{.address = Ipv4Cidr{address, prefix}.to_string()};
}

/// Docker sends bare addresses; a prefix length is tolerated.
Result<Ipv4Address> parse_bare(std::string_view text) { return Ipv4Address::parse(text.substr(0, text.find('/'))); }

Error out_of_bounds(Ipv4Cidr range, Ipv4Cidr universe) {
  return Error{ErrorKind::out_of_range,
               fmt::format("range {0} out of bounds: {1}; choose a --subnet of {1}, or launch weave on all hosts with "
                           "an --ipalloc-range that holds it",
                           range.to_string(), universe.to_string())};
}

} // namespace

/// One RequestAddress from its arrival until the allocator lets go of it.
struct IpamDriver::Pending {
  std::shared_ptr<OneShot<RequestAddressReply>> answer;
  Cancel cancel_allocator;
  bool ended = false; ///< the allocator has finished or been told to stop

  void stop() {
    answer->drop();
    if (auto const cancel = std::exchange(cancel_allocator, nullptr)) cancel();
  }
};

Result<RequestPoolReply> IpamDriver::request_pool(RequestPoolRequest const& request) {
  if (request.v6) return failure(ErrorKind::refused, "IPv6 is not supported: leave out --ipv6 and the IPv6 --subnet");
  auto const pool = AddressPool::choose(request.pool, request.sub_pool, allocator_.default_subnet());
  if (!pool) return failure_of(pool);
  // Refused here and not at each container start, where the original did.
  if (!contains(allocator_.universe(), pool->subnet)) {
    return std::unexpected{out_of_bounds(pool->subnet, allocator_.universe())};
  }
  if (request.pool.empty() && asked_without_end()) {
    auto const subnet = pool->subnet.to_string();
    return failure(
        ErrorKind::refused,
        fmt::format("the default subnet {} overlaps an address or a route of this host, where Docker does not "
                    "want it; to have it nevertheless, name it: --subnet {}",
                    subnet, subnet));
  }
  // The network address as gateway keeps Docker from asking for a real one, which nobody would use.
  auto const subnet = pool->subnet.to_string();
  return RequestPoolReply{.pool_id = pool->id(), .pool = subnet, .gateway = subnet};
}

bool IpamDriver::asked_without_end() {
  auto const now = scheduler_.now();
  if (now - unnamed_since_ > kUnnamedWindow) {
    unnamed_since_ = now;
    unnamed_requests_ = 0;
  }
  return ++unnamed_requests_ > kMostUnnamedRequests;
}

IpamDriver::Cancel IpamDriver::request_address(RequestAddressRequest const& request, Answer answer) {
  auto const fail = [&answer](Error error) -> Cancel {
    answer(std::unexpected{std::move(error)});
    return [] {};
  };
  auto const pool = AddressPool::parse_id(request.pool_id, allocator_.default_subnet());
  if (!pool) return fail(pool.error());
  auto const gateway = is_gateway(request);
  if (request.address.empty()) {
    if (gateway) {
      answer(reply_with(pool->subnet.address, pool->subnet.prefix));
      return [] {};
    }
    return allocate(*pool, std::move(answer));
  }
  auto const address = parse_bare(request.address);
  if (!address) return fail(address.error());
  if (!contains(pool->subnet, *address)) {
    return fail(Error{ErrorKind::out_of_range, fmt::format("address {} is not inside subnet {}", address->to_string(),
                                                           pool->subnet.to_string())});
  }
  if (gateway && *address == pool->subnet.address) {
    answer(reply_with(*address, pool->subnet.prefix));
    return [] {};
  }
  if (is_edge(pool->subnet, *address)) {
    return fail(Error{ErrorKind::out_of_range, fmt::format("{} is the network or broadcast address of {}",
                                                           address->to_string(), pool->subnet.to_string())});
  }
  return claim(*pool, *address, gateway, std::move(answer));
}

std::shared_ptr<IpamDriver::Pending> IpamDriver::begin(Answer answer) {
  auto pending = std::make_shared<Pending>();
  pending->answer = OneShot<RequestAddressReply>::make(
      scheduler_, limit_, std::move(answer),
      [this, alive = std::weak_ptr{alive_}, weak = std::weak_ptr{pending}]() -> Result<RequestAddressReply> {
        if (!alive.lock()) return failure(ErrorKind::cancelled, "shutting down");
        if (auto const held = weak.lock()) {
          if (auto const cancel = std::exchange(held->cancel_allocator, nullptr)) cancel();
        }
        auto const reason = allocator_.waiting_for();
        return failure(
            ErrorKind::timed_out,
            fmt::format("no address within {} s{}{}", std::chrono::duration_cast<std::chrono::seconds>(limit_).count(),
                        reason.empty() ? "" : ": ", reason));
      });
  return pending;
}

IpamDriver::Cancel IpamDriver::allocate(AddressPool const& pool, Answer answer) {
  auto const pending = begin(std::move(answer));
  auto cancel = allocator_.allocate(
      pool.subnet, pool.range.range(),
      [this, alive = std::weak_ptr{alive_}, pending, prefix = pool.subnet.prefix](Result<Ipv4Address> const& granted) {
        if (!alive.lock()) return;
        pending->cancel_allocator = nullptr;
        if (!granted) {
          pending->answer->give(failure_of(granted));
        } else if (!pending->answer->give(reply_with(*granted, prefix))) {
          give_back(*granted);
        }
      });
  if (pending->answer->spent()) return [] {};
  pending->cancel_allocator = std::move(cancel);
  return [pending] { pending->stop(); };
}

IpamDriver::Cancel IpamDriver::claim(AddressPool const& pool, Ipv4Address address, bool gateway, Answer answer) {
  if (!claiming_.insert(address).second) {
    answer(failure(ErrorKind::already_exists, fmt::format("address {} is already in use", address.to_string())));
    return [] {};
  }
  auto const cidr = Ipv4Cidr{address, pool.subnet.prefix};
  auto const pending = begin(std::move(answer));
  auto cancel = allocator_.claim(
      cidr, [this, alive = std::weak_ptr{alive_}, pending, cidr, gateway](Result<void> const& claimed) {
        if (!alive.lock()) return;
        if (!std::exchange(pending->ended, true)) claiming_.erase(cidr.address);
        on_claimed(*pending, cidr, gateway, claimed);
      });
  if (pending->answer->spent()) return [] {};
  pending->cancel_allocator = [this, alive = std::weak_ptr{alive_}, weak = std::weak_ptr{pending}, address,
                               cancel = std::move(cancel)] {
    auto const held = weak.lock();
    if (alive.lock() && held && !std::exchange(held->ended, true)) claiming_.erase(address);
    cancel();
  };
  return [pending] { pending->stop(); };
}

void IpamDriver::on_claimed(Pending& pending, Ipv4Cidr address, bool gateway, Result<void> const& claimed) {
  pending.cancel_allocator = nullptr;
  if (claimed) {
    if (!pending.answer->give(reply_with(address.address, address.prefix))) give_back(address.address);
    return;
  }
  // The same network is made on each host with the same gateway, and the first host holds it; nobody uses it.
  if (gateway && claimed.error().kind() == ErrorKind::refused) {
    log_.info("plugin: gateway {} stays with another peer: {}", address.address.to_string(), claimed.error().text());
    pending.answer->give(reply_with(address.address, address.prefix));
    return;
  }
  pending.answer->give(failure_of(claimed));
}

void IpamDriver::give_back(Ipv4Address address) {
  auto const released = allocator_.release(address);
  if (!released && released.error().kind() != ErrorKind::not_found) {
    log_.error("plugin: cannot give {} back: {}", address.to_string(), released.error().text());
  }
}

Result<void> IpamDriver::release_address(ReleaseAddressRequest const& request) {
  auto const address = parse_bare(request.address);
  if (!address) return failure_of(address);
  auto const pool = AddressPool::parse_id(request.pool_id, allocator_.default_subnet());
  if (pool && *address == pool->subnet.address) return {}; // the gateway that never was
  auto const released = allocator_.release(*address);
  if (released || released.error().kind() == ErrorKind::not_found) return {};
  return failure_of(released);
}

} // namespace weave::plugin
