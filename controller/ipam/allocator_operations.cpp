#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "controller/ipam/allocator.hpp"
#include "controller/ipam/ranges.hpp"

namespace weave::controller::ipam {
namespace {

constexpr int kMaxFailedRounds = 6;

Completion without_value(std::function<void(Result<void>)> done) {
  return [done = std::move(done)](Result<Ipv4Cidr> result) {
    if (!result) return done(failure_of(result));
    done(Result<void>{});
  };
}

std::unexpected<Error> in_use(Ipv4Cidr cidr, std::string const& holder) {
  if (holder == cidr.address.to_string()) {
    return failure(ErrorKind::already_exists, fmt::format("address {} already in use", cidr.to_string()));
  }
  return failure(ErrorKind::already_exists, fmt::format("address {} is already owned by {}", cidr.to_string(), holder));
}

} // namespace

Operation Allocator::allocate(AllocateRequest request, Completion done) {
  auto const deadline = request.deadline;
  return submit(std::move(request), deadline, std::move(done));
}

Operation Allocator::claim(ClaimRequest request, std::function<void(Result<void>)> done) {
  auto const deadline = request.deadline;
  return submit(std::move(request), deadline, without_value(std::move(done)));
}

Operation Allocator::prime(PrimeRequest request, std::function<void(Result<void>)> done) {
  auto const deadline = request.deadline;
  return submit(request, deadline, without_value(std::move(done)));
}

Operation Allocator::submit(OperationRequest request, std::optional<Duration> deadline, Completion done) {
  auto const id = operations_.add(std::move(request), std::move(done));
  attempt(id);
  if (auto* const operation = operations_.find(id); operation != nullptr && operation->done && deadline) {
    operation->deadline = ports_.scheduler.after(*deadline, [this, id] { on_deadline(id); });
  }
  static_cast<void>(end_turn());
  return Operation{[id, alive = alive_] {
    auto* const allocator = *alive;
    if (allocator == nullptr) return;
    if (auto const fresh = allocator->operations_.cancel(id)) {
      allocator->book_.release(fresh->id, fresh->address);
      allocator->retry_needed_ = true;
    }
    static_cast<void>(allocator->end_turn());
  }};
}

void Allocator::attempt(OperationId id) {
  auto const* const operation = operations_.find(id);
  if (operation == nullptr) return;
  if (shut_down_) {
    // Whoever primes waits for this daemon to be ready for what comes next; there is nothing left to wait for.
    if (std::holds_alternative<PrimeRequest>(operation->request)) return conclude(id, Ipv4Cidr{});
    conclude(id, failure(ErrorKind::cancelled, cancelled_text(operation->request)));
    return;
  }
  // The operation may be closed, and its request destroyed, while the attempt still reads it.
  auto const request = operation->request;
  std::visit([&](auto const& one) { attempt(id, one); }, request);
}

void Allocator::conclude(OperationId id, Result<Ipv4Cidr> result, std::optional<Holding> fresh) {
  auto const* const operation = operations_.find(id);
  if (operation == nullptr) return;
  if (!operation->done && !result) {
    ports_.log.warning("IP allocation: {}", result.error().text());
    // Nobody is there to take the refusal: the container has the address all the same.
    auto const* const claim = std::get_if<ClaimRequest>(&operation->request);
    if (claim != nullptr && result.error().kind() == ErrorKind::refused) {
      book_.note_displaced(claim->id, claim->is_container, claim->cidr);
    }
  }
  operations_.decide(id, std::move(result), std::move(fresh));
}

void Allocator::attempt(OperationId id, PrimeRequest const&) {
  if (book_.ring().empty()) establish_ring();
  if (!book_.ring().empty()) conclude(id, Ipv4Cidr{});
}

void Allocator::attempt(OperationId id, AllocateRequest const& request) {
  auto const range = request.subnet.range();
  if (auto const held = lookup(request.id, range); !held.empty()) {
    dead_.erase(request.id);
    conclude(id, Ipv4Cidr{held.front().address, request.subnet.prefix});
    return;
  }
  if (!range.overlaps(config_.universe.range())) {
    conclude(id, failure(ErrorKind::out_of_range, fmt::format("range {} out of bounds: {}", request.subnet.to_string(),
                                                              config_.universe.to_string())));
    return;
  }
  if (book_.ring().empty()) establish_ring();
  // A ring that has just come: claims of addresses already in use go first, before one of them is handed out.
  if (book_.ring().empty() || retry_needed_) return;
  if (auto const cidr = book_.allocate(request.id, request.is_container, request.subnet)) {
    dead_.erase(request.id);
    conclude(id, *cidr, Holding{filing_id(request.id, cidr->address), cidr->address});
    return;
  }
  // Others may have freed addresses since they last told; when nobody reports any, everybody is asked.
  auto candidates = book_.ring().donors(range);
  if (candidates.empty()) candidates = book_.ring().donors(range, true);
  if (auto const asked = ask_for_space(range, candidates); !asked) {
    ports_.log.debug("IP allocation: nobody to ask for space in {}: {}", request.subnet.to_string(),
                     asked.error().text());
  }
}

Result<void> Allocator::ask_for_space(Ipv4Range range, std::vector<Donor> const& candidates) {
  // A request tells nothing of our state, so it need not wait for a save.
  return requests_.ask(range, candidates, ports_.random, [this](PeerName donor, Ipv4Range wanted) -> Result<void> {
    if (channel_ == nullptr) return failure(ErrorKind::unavailable, "not connected to the mesh");
    return channel_->unicast(donor, encode_unicast(SpaceRequest{wanted}));
  });
}

void Allocator::attempt(OperationId id, ClaimRequest const& request) {
  auto const address = request.cidr.address;
  auto const filed = filing_id(request.id, address);
  if (!config_.universe.range().contains(address)) return claim_outside(id, request, filed);

  if (auto const* const holder = book_.owned().holder(address)) {
    bool const same = !request.exclusive && (*holder == filed || request.id == kAnonymous);
    if (!same) return conclude(id, in_use(request.cidr, *holder));
    if (book_.space().allocated().contains(address)) {
      dead_.erase(filed);
      return conclude(id, request.cidr);
    }
    // Recorded, but in a range that is not ours (any more): it has to be asked back.
  }
  if (book_.ring().empty()) establish_ring();
  dead_.erase(filed);
  auto const owner = book_.ring().owner(address);
  if (owner.is_unknown()) {
    if (request.no_error_on_unknown) operations_.answer_early(id);
  } else if (owner != config_.self) {
    claim_elsewhere(id, request, owner);
  } else {
    claim_ours(id, request);
  }
}

void Allocator::claim_outside(OperationId id, ClaimRequest const& request, std::string const& filed) {
  auto const* const holder = book_.owned().holder(request.cidr.address);
  bool const free = holder == nullptr;
  bool const same = !free && !request.exclusive && (*holder == filed || request.id == kAnonymous);
  if (same) return conclude(id, request.cidr);
  if (!free) {
    if (!dead_.contains(*holder)) {
      return conclude(id, failure(ErrorKind::already_exists,
                                  fmt::format("address {} already in use by {}", request.cidr.to_string(), *holder)));
    }
    book_.release(std::string{*holder}, request.cidr.address);
  }
  static_cast<void>(book_.take(request.id, request.is_container, request.cidr));
  conclude(id, request.cidr, Holding{filed, request.cidr.address});
}

void Allocator::claim_elsewhere(OperationId id, ClaimRequest const& request, PeerName owner) {
  auto const asked = ask_for_space(just(request.cidr.address), {{owner, 1}});
  if (asked) return;
  if (request.no_error_on_unknown) return operations_.answer_early(id);
  auto* const operation = operations_.find(id);
  if (operation == nullptr || operation->last_failed_round == round_) return;
  operation->last_failed_round = round_;
  if (++operation->failed_rounds < kMaxFailedRounds) return;
  conclude(id,
           failure(ErrorKind::refused, fmt::format("{} - {}", denial_text(request.cidr, owner), asked.error().text())));
}

void Allocator::claim_ours(OperationId id, ClaimRequest const& request) {
  if (book_.take(request.id, request.is_container, request.cidr)) {
    auto const address = request.cidr.address;
    return conclude(id, request.cidr, Holding{filing_id(request.id, address), address});
  }
  conclude(id, failure(ErrorKind::refused,
                       fmt::format("Address {} is not free to claim", request.cidr.address.to_string())));
}

void Allocator::on_deadline(OperationId id) {
  auto const* const operation = operations_.find(id);
  if (operation == nullptr) return;
  conclude(id, failure(ErrorKind::timed_out, wait_reason(operation->request)));
  static_cast<void>(end_turn());
}

std::vector<Ipv4Cidr> Allocator::lookup(std::string_view id, Ipv4Range range) const {
  std::vector<Ipv4Cidr> found;
  auto const* const owned = book_.owned().find(id);
  if (owned == nullptr) return found;
  std::ranges::copy_if(owned->cidrs, std::back_inserter(found),
                       [&](Ipv4Cidr const& cidr) { return range.contains(cidr.address); });
  return found;
}

bool Allocator::give_up_claims(std::string_view id, std::optional<Ipv4Address> address) {
  bool any = false;
  for (auto const open : operations_.in_order()) {
    auto const& operation = *operations_.find(open);
    auto const* const claim = std::get_if<ClaimRequest>(&operation.request);
    if (operation.done || claim == nullptr || (address && claim->cidr.address != *address)) continue;
    if (filing_id(claim->id, claim->cidr.address) != id && claim->id != id) continue;
    conclude(open, failure(ErrorKind::cancelled, cancelled_text(operation.request)));
    any = true;
  }
  return any;
}

Result<void> Allocator::release(std::string_view id, Ipv4Address address) {
  bool const gave_up = give_up_claims(id, address);
  if (!book_.release(id, address) && !gave_up) {
    return failure(ErrorKind::not_found, fmt::format("Free: address {} not found for {}", address.to_string(), id));
  }
  retry_needed_ = true;
  return end_turn();
}

Result<void> Allocator::release_all(std::string_view id) {
  auto const dead = dead_.find(id);
  if (dead != dead_.end()) dead_.erase(dead);
  bool const gave_up = give_up_claims(id, std::nullopt);
  if (!book_.release_all(id) && !gave_up) {
    return failure(ErrorKind::not_found, fmt::format("Delete: no addresses for {}", id));
  }
  retry_needed_ = true;
  return end_turn();
}

Result<void> Allocator::release_address(Ipv4Address address) {
  auto const text = address.to_string();
  auto const* const holder = book_.owned().holder(address);
  // Under a container's id it is somebody else's by now: it goes with that container.
  if (holder == nullptr || *holder == text) return release(text, address);
  return failure(ErrorKind::not_found, fmt::format("Free: address {} is of {} now", text, *holder));
}

void Allocator::cancel_container(std::string_view id) {
  for (auto const operation : operations_.in_order()) {
    auto const& request = operations_.find(operation)->request;
    auto const* const claim = std::get_if<ClaimRequest>(&request);
    auto const* const allocate = std::get_if<AllocateRequest>(&request);
    if ((claim != nullptr && claim->id == id) || (allocate != nullptr && allocate->id == id)) {
      conclude(operation, failure(ErrorKind::cancelled, cancelled_text(request)));
    }
  }
}

void Allocator::on_container_died(std::string const& id) {
  cancel_container(id);
  auto const* const owned = book_.owned().find(id);
  if (owned != nullptr && owned->is_container) {
    dead_[id] = ports_.scheduler.now();
    // It must not come back with an address that may be in use elsewhere.
    book_.release_displaced(id);
  }
  static_cast<void>(end_turn());
}

void Allocator::on_container_started(std::string const& id) { dead_.erase(id); }

void Allocator::on_container_destroyed(std::string const& id) {
  cancel_container(id);
  dead_.erase(id);
  auto const* const owned = book_.owned().find(id);
  if (owned != nullptr && owned->is_container && book_.release_all(id)) retry_needed_ = true;
  static_cast<void>(end_turn());
}

} // namespace weave::controller::ipam
