#pragma once

#include "test/unit/ipam/allocator_fakes.hpp"

namespace weave::test {

/// A disk that survives its daemon, fills up, is lost, and under which the machine dies in the middle of a write:
/// either nothing of the write is there afterwards, or all of it although the writer never learnt.
class FaultStore final : public controller::ipam::IpamStore {
 public:
  /// Thrown out of `save`; whoever drives the daemon destroys it and starts another on the same store.
  struct Crash {
    FaultStore const* store;
  };
  enum class Moment { before_write, after_write };

  [[nodiscard]] Result<controller::ipam::StoredIpam> load() override { return disk_.load(); }
  [[nodiscard]] Result<void> save(controller::ipam::IpamChange const& change) override {
    bool const dies = saves_left_ == 0;
    if (saves_left_ >= 0) --saves_left_;
    if (dies && moment_ == Moment::before_write) throw Crash{this};
    auto saved = disk_.save(change);
    if (dies) throw Crash{this};
    return saved;
  }

  /// Dies at the save after this many more.
  void crash_after(int saves, Moment moment) {
    saves_left_ = saves;
    moment_ = moment;
  }
  void do_not_crash() { saves_left_ = -1; }
  void set_full(bool full) { disk_.failing = full; }
  void wipe() {
    disk_.state.clear();
    disk_.owned.clear();
  }

 private:
  MemoryIpamStore disk_;
  int saves_left_ = -1;
  Moment moment_ = Moment::before_write;
};

} // namespace weave::test
