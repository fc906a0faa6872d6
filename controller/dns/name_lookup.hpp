#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "controller/dns/name_snapshot.hpp"

namespace weave::controller::dns {

/// The port through which the DNS server sees the names. Any thread. What the control thread has published is seen by
/// every question that comes after.
class NameLookup {
 public:
  virtual ~NameLookup() = default;

  /// Never null.
  [[nodiscard]] virtual std::shared_ptr<NameSnapshot const> snapshot() const = 0;
  /// Differs from one snapshot to the next, so that a thread may keep the one it has. Wait-free.
  [[nodiscard]] virtual std::uint64_t generation() const = 0;
};

/// One thread's view of a NameLookup, which must outlive it: one atomic load a question as long as nothing changes.
class NameReader {
 public:
  explicit NameReader(NameLookup const& lookup) : lookup_{lookup} {}

  /// Valid until the next call.
  [[nodiscard]] NameSnapshot const& current() {
    if (auto const generation = lookup_.generation(); !snapshot_ || generation != generation_) {
      generation_ = generation;
      snapshot_ = lookup_.snapshot();
    }
    return *snapshot_;
  }

 private:
  NameLookup const& lookup_;
  std::uint64_t generation_ = 0;
  std::shared_ptr<NameSnapshot const> snapshot_;
};

/// The NameLookup of whoever publishes snapshots, from one thread.
class PublishedNames final : public NameLookup {
 public:
  void publish(NameSnapshot snapshot) {
    auto fresh = std::make_shared<NameSnapshot const>(std::move(snapshot));
    std::lock_guard const lock{mutex_};
    std::swap(snapshot_, fresh);
    generation_.fetch_add(1, std::memory_order_release);
  }

  [[nodiscard]] std::shared_ptr<NameSnapshot const> snapshot() const override {
    std::lock_guard const lock{mutex_};
    return snapshot_;
  }
  [[nodiscard]] std::uint64_t generation() const override { return generation_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<NameSnapshot const> snapshot_ = std::make_shared<NameSnapshot const>();
  std::atomic<std::uint64_t> generation_{1};
};

} // namespace weave::controller::dns
