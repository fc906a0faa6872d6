#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <poll.h>
#include <utility>
#include <vector>

#include "base/fd_watcher.hpp"

namespace weave::test {

/// An FdWatcher that runs only when a test lets it. One thread.
class PollWatcher final : public FdWatcher {
 public:
  [[nodiscard]] FdWatch watch_readable(int fd, std::function<void()> call) override {
    auto const entry = std::make_shared<Entry>(Entry{fd, std::move(call)});
    entries_.push_back(entry);
    return FdWatch{[weak = std::weak_ptr{entry}] {
      if (auto const held = weak.lock()) held->over = true;
    }};
  }

  /// Calls for what is readable now or within that time; false when the time passed.
  bool run_once(std::chrono::milliseconds limit) {
    std::erase_if(entries_, [](auto const& entry) { return entry->over; });
    auto const entries = entries_;
    std::vector<pollfd> waiting;
    for (auto const& entry : entries) waiting.push_back({.fd = entry->fd, .events = POLLIN, .revents = 0});
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(limit.count())) <= 0) return false;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (waiting[i].revents != 0 && !entries[i]->over) entries[i]->call();
    }
    return true;
  }

  /// Runs until `done` says so; its last word.
  bool run_until(std::function<bool()> const& done, std::chrono::milliseconds limit = std::chrono::seconds{5}) {
    auto const end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() >= end) return done();
      run_once(std::chrono::milliseconds{20});
    }
    return true;
  }

 private:
  struct Entry {
    int fd = -1;
    std::function<void()> call;
    bool over = false;
  };
  std::vector<std::shared_ptr<Entry>> entries_;
};

} // namespace weave::test
