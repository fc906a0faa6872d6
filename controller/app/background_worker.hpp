#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

namespace weave::controller {

/// One thread for work that may take longer than the control thread can wait (other programs, namespaces of
/// containers). Jobs run one after another in the order in which they came. Control thread only.
class BackgroundWorker {
 public:
  /// `context` is the control thread's and must outlive this object.
  explicit BackgroundWorker(boost::asio::io_context& context) : context_{context} {}
  BackgroundWorker(BackgroundWorker const&) = delete;
  BackgroundWorker& operator=(BackgroundWorker const&) = delete;
  /// Waits for the job under way; those that wait are not begun.
  ~BackgroundWorker();

  /// One with a thread of its own, for work that shall not keep others waiting.
  [[nodiscard]] std::unique_ptr<BackgroundWorker> sibling() const {
    return std::make_unique<BackgroundWorker>(context_);
  }

  /// Runs `work` on the thread and gives its result to `done` on the control thread; `done` does not run any more when
  /// this object has gone. Neither may throw.
  template <class T>
  void run(std::function<T()> work, std::function<void(T)> done) {
    enqueue([this, alive = std::weak_ptr{alive_}, work = std::move(work), done = std::move(done)] {
      auto result = std::make_shared<T>(work());
      answer([alive, result = std::move(result), done] {
        if (alive.lock()) done(std::move(*result));
      });
    });
  }

 private:
  void enqueue(std::function<void()> job);
  void answer(std::function<void()> call);

  boost::asio::io_context& context_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  boost::asio::thread_pool thread_{1};
};

} // namespace weave::controller
