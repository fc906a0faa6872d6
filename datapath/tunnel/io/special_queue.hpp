#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "datapath/tunnel/sleeve_io.hpp"

namespace weave::datapath {

/// Special frames on their way from the control thread to a worker. Never blocks for longer than a swap; full means
/// refused.
class SpecialQueue {
 public:
  static constexpr std::size_t kCapacity = 256;

  [[nodiscard]] bool push(SleeveSpecial special) {
    std::lock_guard const guard{mutex_};
    if (waiting_.size() >= kCapacity) return false;
    waiting_.push_back(std::move(special));
    return true;
  }
  /// All that is waiting, in order, in exchange for the content of `taken`.
  void take(std::vector<SleeveSpecial>& taken) {
    taken.clear();
    std::lock_guard const guard{mutex_};
    taken.swap(waiting_);
  }

 private:
  std::mutex mutex_;
  std::vector<SleeveSpecial> waiting_;
};

} // namespace weave::datapath
