#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"

namespace weave::controller::ipam {

/// The first address in `subnet` that `id` has or can get.
struct AllocateRequest {
  std::string id;
  Ipv4Cidr subnet;
  /// The addresses go when Docker says that this container is gone.
  bool is_container = false;
  /// Absent: waits without limit, as the original.
  std::optional<Duration> deadline;
};

/// Exactly this address.
struct ClaimRequest {
  std::string id;
  Ipv4Cidr cidr;
  bool is_container = false;
  /// Succeeds at once, and goes on trying, if the owner of the address is unknown or unreachable.
  bool no_error_on_unknown = false;
  /// Fails also if the same id, or an anonymous one, has the address already. For callers whose ids do not name the
  /// container, such as the Docker driver: without it two containers could be given one address.
  bool exclusive = false;
  std::optional<Duration> deadline;
};

/// Done when a ring exists, or on shutdown.
struct PrimeRequest {
  std::optional<Duration> deadline;
};

using OperationRequest = std::variant<PrimeRequest, ClaimRequest, AllocateRequest>;
using OperationId = std::uint64_t;
/// A prime and a claim give back an address without meaning.
using Completion = std::function<void(Result<Ipv4Cidr>)>;

/// An address recorded for somebody who may never hear of it.
struct Holding {
  std::string id;
  Ipv4Address address;
};

struct PendingOperation {
  OperationRequest request;
  /// Empty once the caller has been answered, or if there never was one.
  Completion done;
  Timer deadline;
  /// Rounds in which the owner of a claimed address could not be asked, and the last of them.
  int failed_rounds = 0;
  std::uint64_t last_failed_round = 0;
};

/// The operations that are open and the answers on their way to callers. An answer is first *decided*; it leaves, as a
/// posted call, only after what it says has been saved. Each completion runs exactly once, never inside a call to the
/// allocator. Destroying the queue drops what has not been delivered.
class OperationQueue {
 public:
  explicit OperationQueue(Scheduler& scheduler) : scheduler_{scheduler} {}

  OperationId add(OperationRequest request, Completion done);
  [[nodiscard]] PendingOperation* find(OperationId id);
  [[nodiscard]] bool empty() const { return open_.empty(); }
  /// Primes first, then claims, then allocations, each in order of arrival.
  [[nodiscard]] std::vector<OperationId> in_order() const;
  [[nodiscard]] std::map<OperationId, PendingOperation> const& open() const { return open_; }

  /// Closes the operation. `fresh` is what has just been recorded for it.
  void decide(OperationId id, Result<Ipv4Cidr> result, std::optional<Holding> fresh = std::nullopt);
  /// Answers the caller with success and keeps the operation open.
  void answer_early(OperationId id);
  /// The caller lost interest: it gets ErrorKind::cancelled. Returns what had been recorded for it, if the answer had
  /// not reached it yet.
  std::optional<Holding> cancel(OperationId id);

  /// Sends off what was decided.
  void deliver();
  /// Turns what was decided into this failure and sends it off; returns what had been recorded.
  std::vector<Holding> deliver_failure(Error const& error);

 private:
  struct Answer {
    OperationId id;
    Completion done;
    Result<Ipv4Cidr> result;
    std::optional<Holding> fresh;
    std::string cancelled_text;
  };
  using InFlight = std::map<OperationId, Answer>;

  Scheduler& scheduler_;
  OperationId next_ = 1;
  std::map<OperationId, PendingOperation> open_;
  std::vector<Answer> decided_;
  std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
};

/// `Allocate request for <id> cancelled` and the like.
[[nodiscard]] std::string cancelled_text(OperationRequest const& request);

} // namespace weave::controller::ipam
