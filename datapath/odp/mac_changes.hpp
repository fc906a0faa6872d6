#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "base/address.hpp"

namespace weave::datapath::odp {

/// Addresses that were learned or have moved, on their way from any thread to the control thread.
class MacChanges {
 public:
  /// `notify` is called on the adding thread for the first of a batch: somebody has to take it soon.
  explicit MacChanges(std::function<void()> notify = {}) : notify_{std::move(notify)} {}

  void add(MacAddress mac) {
    bool first = false;
    {
      std::lock_guard const guard{mutex_};
      first = waiting_.empty();
      waiting_.push_back(mac);
    }
    if (first && notify_) notify_();
  }
  [[nodiscard]] std::vector<MacAddress> take() {
    std::lock_guard const guard{mutex_};
    return std::exchange(waiting_, {});
  }

 private:
  std::function<void()> notify_;
  std::mutex mutex_;
  std::vector<MacAddress> waiting_;
};

} // namespace weave::datapath::odp
