#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/result.hpp"
#include "base/scheduler.hpp"

namespace weave::plugin {

/// An answer that is given once: by the work, or by the deadline, whichever comes first. Shared between both; control
/// thread. The scheduler must outlive it.
template <class T>
class OneShot : public std::enable_shared_from_this<OneShot<T>> {
 public:
  using Answer = std::function<void(Result<T>)>;

  [[nodiscard]] static std::shared_ptr<OneShot> make(Scheduler& scheduler, Duration limit, Answer answer,
                                                     std::function<Result<T>()> when_late) {
    auto made = std::make_shared<OneShot>(std::move(answer));
    made->timer_ = scheduler.after(limit, [weak = std::weak_ptr{made}, when_late = std::move(when_late)] {
      auto const self = weak.lock();
      if (self && !self->spent()) self->give(when_late());
    });
    return made;
  }
  explicit OneShot(Answer answer) : answer_{std::move(answer)} {}

  [[nodiscard]] bool spent() const { return !answer_; }
  /// Nobody wants the answer any more.
  void drop() {
    answer_ = nullptr;
    timer_.reset();
  }
  /// False if it was too late: the caller undoes its work.
  bool give(Result<T> result) {
    auto const answer = std::exchange(answer_, nullptr);
    if (!answer) return false;
    timer_.reset();
    answer(std::move(result));
    return true;
  }

 private:
  Answer answer_;
  Timer timer_;
};

} // namespace weave::plugin
