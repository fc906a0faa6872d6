#include "controller/app/address_service.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include <fmt/format.h>

namespace weave::controller {
namespace {

/// Just before the driver's own limit, so that Docker is told the allocator's reason and not only that time is up.
constexpr Duration kPluginDeadline = std::chrono::milliseconds{9500};

std::function<void()> cancel_of(ipam::Operation operation) {
  auto held = std::make_shared<ipam::Operation>(std::move(operation));
  return [held] { held->cancel(); };
}

/// An operation that may have to wait before it begins; cancelled before that, it tells its caller itself.
template <class T>
struct Late {
  std::function<void(Result<T>)> done; ///< empty once it has begun or was answered
  std::string cancelled_text;
  ipam::Operation operation = {};

  void begin(ipam::Operation started) { operation = std::move(started); }
  [[nodiscard]] bool waiting() const { return done != nullptr; }
  [[nodiscard]] std::function<void(Result<T>)> take() { return std::exchange(done, nullptr); }
  void cancel() {
    if (auto const answer = take()) return answer(failure(ErrorKind::cancelled, cancelled_text));
    operation.cancel();
  }
};

template <class T>
std::shared_ptr<Late<T>> late(std::function<void(Result<T>)> done, std::string_view what, std::string_view id) {
  return std::make_shared<Late<T>>(
      Late<T>{.done = std::move(done), .cancelled_text = fmt::format("{} request for {} cancelled", what, id)});
}

template <class T>
std::function<void()> cancel_of(std::shared_ptr<Late<T>> const& operation) {
  return [operation] { operation->cancel(); };
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

HandFiledAddresses::HandFiledAddresses(std::string_view stored, std::function<Result<void>(std::string const&)> save)
    : save_{std::move(save)} {
  while (!stored.empty()) {
    auto const word = stored.substr(0, stored.find(' '));
    if (auto const address = Ipv4Address::parse(word)) addresses_.insert(*address);
    stored.remove_prefix(std::min(stored.size(), word.size() + 1));
  }
}

Result<void> HandFiledAddresses::add(Ipv4Address address) {
  if (!addresses_.insert(address).second) return {};
  auto saved = save();
  if (!saved) addresses_.erase(address);
  return saved;
}

void HandFiledAddresses::remove(Ipv4Address address) {
  if (addresses_.erase(address) > 0) (void)save();
}

Result<void> HandFiledAddresses::save() const {
  std::string text;
  for (auto const address : addresses_) text += (text.empty() ? "" : " ") + address.to_string();
  return save_(text);
}

void ControlAddresses::when_allowed(std::string const& id, bool check_alive, std::function<void(bool)> done) {
  gate_.pass([this, id, check_alive, done = std::move(done)] {
    if (!check_alive || !is_running_) return done(true);
    is_running_(id, done);
  });
}

api::Cancel ControlAddresses::allocate(std::string id, std::optional<Ipv4Cidr> subnet, bool check_alive, Limit limit,
                                       api::Completion<Ipv4Cidr> done) {
  auto const operation = late<Ipv4Cidr>(std::move(done), "Allocate", id);
  if (id == ipam::kAnonymous) {
    operation->done = [this, done = operation->take()](Result<Ipv4Cidr> granted) {
      if (granted) {
        if (auto const marked = mark(granted->address, false); !marked) granted = failure_of(marked);
      }
      done(std::move(granted));
    };
  }
  ipam::AllocateRequest request{
      .id = id, .subnet = subnet.value_or(allocator_.default_subnet()), .is_container = check_alive, .deadline = limit};
  when_allowed(id, check_alive, [this, operation, request = std::move(request)](bool allowed) {
    if (!operation->waiting()) return;
    if (!allowed) return operation->cancel();
    operation->begin(allocator_.allocate(request, operation->take()));
  });
  return cancel_of(operation);
}

api::Cancel ControlAddresses::claim(std::string id, Ipv4Cidr address, bool check_alive, bool no_error_on_unknown,
                                    Limit limit, api::Completion<void> done) {
  auto const operation = late<void>(std::move(done), "Claim", id);
  if (id == ipam::kAnonymous || id == address.address.to_string()) {
    bool const held = allocator_.owned().holder(address.address) != nullptr;
    operation->done = [this, address, held, done = operation->take()](Result<void> claimed) {
      if (claimed) claimed = mark(address.address, held);
      done(std::move(claimed));
    };
  }
  ipam::ClaimRequest request{.id = id,
                             .cidr = address,
                             .is_container = check_alive,
                             .no_error_on_unknown = no_error_on_unknown,
                             .exclusive = false,
                             .deadline = limit};
  when_allowed(id, check_alive, [this, operation, request = std::move(request)](bool allowed) {
    if (!operation->waiting()) return;
    if (!allowed) return operation->cancel();
    operation->begin(allocator_.claim(request, operation->take()));
  });
  return cancel_of(operation);
}

/// What nobody will know to be theirs is not given to them.
Result<void> ControlAddresses::mark(Ipv4Address address, bool held_before) {
  auto marked = by_hand_.add(address);
  if (!marked && !held_before) (void)allocator_.release(address.to_string(), address);
  return marked;
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
  auto released = allocator_.release(id, address);
  if (released && id == address.to_string()) by_hand_.remove(address);
  return released;
}

Result<void> ControlAddresses::release_all(std::string const& id) {
  auto released = allocator_.release_all(id);
  if (auto const address = Ipv4Address::parse(id); released && address) by_hand_.remove(*address);
  return released;
}

api::Cancel ControlAddresses::prime(Limit limit, api::Completion<void> done) {
  return cancel_of(allocator_.prime({.deadline = limit}, std::move(done)));
}

plugin::AddressAllocator::Cancel PluginAddresses::allocate(Ipv4Cidr subnet, Ipv4Range range, Allocated done) {
  ipam::AllocateRequest request{.id = std::string{ipam::kAnonymous},
                                .subnet = cidr_of(range).value_or(subnet),
                                .is_container = false,
                                .deadline = kPluginDeadline};
  auto const operation = late<Ipv4Cidr>(
      [this, done = std::move(done)](Result<Ipv4Cidr> const& granted) {
        if (!granted) return done(failure_of(granted));
        touch(granted->address);
        done(granted->address);
      },
      "Allocate", request.id);
  gate_.pass([this, operation, request = std::move(request)] {
    if (operation->waiting()) operation->begin(allocator_.allocate(request, operation->take()));
  });
  return cancel_of(operation);
}

plugin::AddressAllocator::Cancel PluginAddresses::claim(Ipv4Cidr address, Claimed done) {
  ipam::ClaimRequest request{.id = std::string{ipam::kAnonymous},
                             .cidr = address,
                             .is_container = false,
                             .no_error_on_unknown = false,
                             .exclusive = true,
                             .deadline = kPluginDeadline};
  auto const operation = late<void>(
      [this, address, done = std::move(done)](Result<void> const& claimed) {
        if (claimed) touch(address.address);
        done(claimed);
      },
      "Claim", request.id);
  gate_.pass([this, operation, request = std::move(request)] {
    if (operation->waiting()) operation->begin(allocator_.claim(request, operation->take()));
  });
  return cancel_of(operation);
}

Result<void> PluginAddresses::release(Ipv4Address address) {
  touch(address);
  return allocator_.release_address(address);
}

} // namespace weave::controller
