#include "controller/ipam/operation_queue.hpp"

#include <utility>

#include <fmt/format.h>

namespace weave::controller::ipam {

std::string cancelled_text(OperationRequest const& request) {
  if (auto const* const claim = std::get_if<ClaimRequest>(&request)) {
    return fmt::format("Claim request for {} cancelled", claim->id);
  }
  if (auto const* const allocate = std::get_if<AllocateRequest>(&request)) {
    return fmt::format("Allocate request for {} cancelled", allocate->id);
  }
  return "Prime request cancelled";
}

OperationId OperationQueue::add(OperationRequest request, Completion done) {
  auto const id = next_++;
  open_.emplace(id, PendingOperation{std::move(request), std::move(done), {}, 0, 0});
  return id;
}

PendingOperation* OperationQueue::find(OperationId id) {
  auto const found = open_.find(id);
  return found == open_.end() ? nullptr : &found->second;
}

std::vector<OperationId> OperationQueue::in_order() const {
  std::vector<OperationId> ids;
  ids.reserve(open_.size());
  for (std::size_t kind = 0; kind < std::variant_size_v<OperationRequest>; ++kind) {
    for (auto const& [id, operation] : open_) {
      if (operation.request.index() == kind) ids.push_back(id);
    }
  }
  return ids;
}

void OperationQueue::decide(OperationId id, Result<Ipv4Cidr> result, std::optional<Holding> fresh) {
  auto node = open_.extract(id);
  if (node.empty() || !node.mapped().done) return;
  decided_.push_back(
      {id, std::move(node.mapped().done), std::move(result), std::move(fresh), cancelled_text(node.mapped().request)});
}

void OperationQueue::answer_early(OperationId id) {
  auto* const operation = find(id);
  if (operation == nullptr || !operation->done) return;
  operation->deadline.reset();
  decided_.push_back(
      {id, std::exchange(operation->done, nullptr), Ipv4Cidr{}, std::nullopt, cancelled_text(operation->request)});
}

std::optional<Holding> OperationQueue::cancel(OperationId id) {
  if (auto const* const operation = find(id)) {
    // A caller that has been answered has nothing to cancel.
    if (operation->done) decide(id, failure(ErrorKind::cancelled, cancelled_text(operation->request)));
    return std::nullopt;
  }
  auto const found = in_flight_->find(id);
  if (found == in_flight_->end()) return std::nullopt;
  found->second.result = failure(ErrorKind::cancelled, found->second.cancelled_text);
  return std::exchange(found->second.fresh, std::nullopt);
}

void OperationQueue::deliver() {
  for (auto& answer : std::exchange(decided_, {})) {
    auto const id = answer.id;
    in_flight_->insert_or_assign(id, std::move(answer));
    scheduler_.post([id, weak = std::weak_ptr{in_flight_}] {
      auto const in_flight = weak.lock();
      if (!in_flight) return;
      auto node = in_flight->extract(id);
      if (!node.empty()) node.mapped().done(std::move(node.mapped().result));
    });
  }
}

std::vector<Holding> OperationQueue::deliver_failure(Error const& error) {
  std::vector<Holding> fresh;
  for (auto& answer : decided_) {
    if (!answer.result) continue;
    answer.result = std::unexpected{error};
    if (answer.fresh) fresh.push_back(*std::exchange(answer.fresh, std::nullopt));
  }
  deliver();
  return fresh;
}

} // namespace weave::controller::ipam
