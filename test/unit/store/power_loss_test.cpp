// The state file on a disk that loses power between any two of its steps, runs full, or fails once.
#include <cstdlib>
#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "controller/store/state_store.hpp"
#include "test/fakes/faulty_disk.hpp"
#include "test/fixtures/temporary_directory.hpp"

namespace weave::controller::store {
namespace {

namespace fs = std::filesystem;
using test::FaultyDisk;
using Survives = FaultyDisk::Survives;
using Operation = std::function<Result<void>(StateStore&)>;

/// Everything that the file says.
std::string contents(StateStore& store) {
  std::string text;
  auto const add = [&text](std::string_view what, auto const& rows) {
    for (auto const& [key, value] : rows) text.append(what).append(" ").append(key).append("=").append(value) += '\n';
  };
  auto const name = store.peer_name().value();
  auto const ipam = store.load_ipam().value();
  text += "name " + (name ? name->to_string() : "none") + "\nipam " + to_hex(ipam.state) + '\n';
  add("owned", ipam.owned);
  add("name", store.load_names().value());
  add("network", store.list(StateStore::Table::networks).value());
  add("endpoint", store.list(StateStore::Table::endpoints).value());
  auto const targets = store.targets().value();
  for (auto const& target : targets) text += "target " + target + '\n';
  auto const universe = store.universe().value();
  text += "universe " + (universe ? universe->to_string() : "none") + '\n';
  text += store.restart_mark().value() ? "restart\n" : "";
  text += store.setting("colour").value().value_or("no colour");
  return text;
}

std::vector<std::pair<std::string, std::optional<std::string>>> rows(int first, int count, std::string const& value) {
  std::vector<std::pair<std::string, std::optional<std::string>>> changes;
  for (int i = first; i < first + count; ++i) changes.emplace_back("c" + std::to_string(i), value);
  return changes;
}

/// Every way to change the file.
std::vector<Operation> operations() {
  return {
      [](StateStore& store) { return store.set_peer_name(PeerName{0x7a3a5c000001}); },
      [](StateStore& store) { return store.set_universe(Ipv4Cidr::parse("10.32.0.0/12").value()); },
      [](StateStore& store) {
        return store.set_targets({"a.example", "b.example:6783"});
      },
      [](StateStore& store) { return store.set_restart_mark(true); },
      [](StateStore& store) {
        return store.inherit(
            {.name = PeerName{7}, .ipam = StateStore::Ipam{Bytes(50, 9), {{"c0", "0"}, {"z", "1"}}}, .targets = {"x"}});
      },
      [](StateStore& store) { return store.save_ipam(Bytes(300, 1), rows(0, 100, std::string(150, 'x'))); },
      [](StateStore& store) { return store.put(StateStore::Table::networks, "n1", "{\"a\":1}"); },
      [](StateStore& store) {
        return store.save_ipam(Bytes(9000, 2), {{"c7", std::nullopt}, {"d", "new"}});
      },
      [](StateStore& store) {
        return store.save_names({{"a", "present"}, {"b", "absent"}});
      },
      [](StateStore& store) { return store.put(StateStore::Table::endpoints, "e1", std::string(5000, 'e')); },
      [](StateStore& store) { return store.set_targets({"c.example"}); },
      [](StateStore& store) { return store.save_ipam(std::nullopt, rows(50, 50, std::string(30, 'y'))); },
      [](StateStore& store) { return store.put(StateStore::Table::endpoints, "e1", "short"); },
      [](StateStore& store) { return store.erase(StateStore::Table::networks, "n1"); },
      [](StateStore& store) {
        return store.save_names({{"a", std::nullopt}, {"c", "present"}});
      },
      [](StateStore& store) {
        return store.save_ipam(Bytes(10, 3), {{"d", std::nullopt}});
      },
      [](StateStore& store) { return store.set_setting("colour", "blue"); },
      [](StateStore& store) { return store.set_restart_mark(false); },
  };
}

/// After every few pages rather than a thousand, so that the log is moved into the file in the middle of things too.
int checkpoint_often(sqlite3* database, char const**, sqlite3_api_routines const*) {
  return sqlite3_wal_autocheckpoint(database, 12);
}
using Extension = void (*)();

class PowerLoss : public testing::Test {
 protected:
  PowerLoss() { sqlite3_auto_extension(reinterpret_cast<Extension>(checkpoint_often)); }
  ~PowerLoss() override { sqlite3_cancel_auto_extension(reinterpret_cast<Extension>(checkpoint_often)); }

  /// The script: the file is made, and in its middle the daemon is restarted. How many operations returned success;
  /// none if the file could not be opened.
  [[nodiscard]] std::optional<std::size_t> run(std::vector<std::string>* states = nullptr) const {
    auto const script = operations();
    std::size_t done = 0;
    while (true) {
      auto const store = StateStore::open(file_);
      if (!store) return done == 0 ? std::nullopt : std::optional{done};
      if (states != nullptr && done == 0) states->push_back(contents(**store));
      do {
        if (!script[done](**store)) return done;
        ++done;
        if (states != nullptr) states->push_back(contents(**store));
      } while (done < script.size() && done != script.size() / 2);
      if (done == script.size()) return done;
    }
  }

  void crash_at(std::uint64_t step, Survives survives, std::vector<std::string> const& states, RandomSource& random) {
    FaultyDisk disk;
    disk.lose_power_at(step);
    auto const done = run();
    disk.restore_power(survives, random);
    auto const reopened = StateStore::open(file_);
    ASSERT_TRUE(reopened) << reopened.error().text();
    auto const found = contents(**reopened);
    // What was under way when power went may be there or not, but not in part.
    auto const sure = done.value_or(0);
    auto const possible = std::min(sure + (done ? 1 : 0), states.size() - 1);
    EXPECT_TRUE(found == states[sure] || found == states[possible]) << "after " << sure << " operations\n"
                                                                    << found << "\ninstead of\n"
                                                                    << states[sure];
    EXPECT_TRUE((*reopened)->set_setting("colour", "red"));
  }

  test::TemporaryDirectory directory_;
  std::string file_ = directory_.file("state.db");
};

TEST_F(PowerLoss, between_any_two_steps_loses_nothing_that_was_confirmed) {
  std::vector<std::string> states;
  std::uint64_t steps = 0;
  {
    FaultyDisk disk;
    ASSERT_EQ(run(&states), operations().size());
    steps = disk.steps();
  }
  ASSERT_GT(steps, 150U);
  SeededRandom random{11};
  for (std::uint64_t step = 1; step <= steps; ++step) {
    for (auto const survives : {Survives::nothing, Survives::everything, Survives::anything, Survives::anything}) {
      SCOPED_TRACE("step " + std::to_string(step) + " of " + std::to_string(steps) + ", survives " +
                   std::to_string(static_cast<int>(survives)));
      crash_at(step, survives, states, random);
      if (HasFailure()) return;
    }
  }
}

TEST_F(PowerLoss, while_it_recovers_from_a_power_loss_loses_nothing_either) {
  std::vector<std::string> states;
  std::uint64_t steps = 0;
  {
    FaultyDisk disk;
    ASSERT_EQ(run(&states), operations().size());
    steps = disk.steps();
  }
  SeededRandom random{12};
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    FaultyDisk disk;
    disk.lose_power_at(1 + random.below(steps));
    auto const done = run();
    disk.restore_power(Survives::anything, random);
    disk.lose_power_at(disk.steps() + 1 + random.below(12));
    { auto const interrupted = StateStore::open(file_); }
    disk.restore_power(Survives::anything, random);
    auto const reopened = StateStore::open(file_);
    ASSERT_TRUE(reopened) << reopened.error().text();
    auto const found = contents(**reopened);
    auto const sure = done.value_or(0);
    ASSERT_TRUE(found == states[sure] || found == states[std::min(sure + 1, states.size() - 1)]) << found;
  }
}

/// A file made before there was the table of names.
TEST_F(PowerLoss, while_a_file_of_an_earlier_version_is_brought_up_to_date) {
  SeededRandom random{13};
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    FaultyDisk disk;
    {
      auto const store = StateStore::open(file_).value();
      ASSERT_TRUE(store->save_ipam(Bytes(100, 1), rows(0, 20, "one")));
    }
    {
      auto database = Database::open(file_).value();
      ASSERT_TRUE(database.run("DROP TABLE name"));
    }
    auto const last = disk.steps() + step;
    disk.lose_power_at(last);
    bool const opened = StateStore::open(file_).has_value();
    if (disk.steps() < last) break;
    disk.restore_power(Survives::anything, random);
    auto const store = StateStore::open(file_);
    ASSERT_TRUE(store) << (opened ? "opened before: " : "") << store.error().text();
    EXPECT_EQ((*store)->load_ipam().value().owned.size(), 20U);
    EXPECT_TRUE((*store)->save_names({{"a", "present"}}));
  }
}

TEST_F(PowerLoss, a_full_disk_refuses_changes_until_there_is_room_again) {
  FaultyDisk disk;
  auto const store = StateStore::open(file_).value();
  ASSERT_TRUE(store->save_ipam(Bytes(100, 1), rows(0, 50, "one")));
  disk.set_capacity(disk.used());
  auto const script = operations();
  // Some may still fit into the log, which is used again after a checkpoint; none is done in part.
  std::size_t refused = 0;
  auto known = contents(*store);
  for (auto const& operation : script) {
    if (auto const done = operation(*store); !done) {
      ++refused;
      EXPECT_EQ(done.error().text(), "state file " + file_ + ": no space is left on its disk; make room there");
      EXPECT_EQ(store->obstacle(), done.error().text()) << "also for whoever asks later";
      EXPECT_EQ(contents(*store), known);
    }
    known = contents(*store);
  }
  EXPECT_GT(refused, 0U);
  disk.set_capacity(std::nullopt);
  for (auto const& operation : script) EXPECT_TRUE(operation(*store));
  EXPECT_EQ(store->obstacle(), "");
}

TEST_F(PowerLoss, a_full_disk_at_the_first_start_is_told) {
  FaultyDisk disk;
  for (std::uint64_t capacity = 0;; capacity += 1024) {
    disk.set_capacity(capacity);
    auto const store = StateStore::open(file_);
    if (store) break;
    ASSERT_EQ(store.error().text(), "state file " + file_ + ": no space is left on its disk; make room there");
    ASSERT_LT(capacity, 1U << 20U);
  }
  disk.set_capacity(std::nullopt);
  EXPECT_TRUE(StateStore::open(file_));
}

/// Whatever step fails: what was reported as done is done, what was reported as failed is not, on disk as in memory.
TEST_F(PowerLoss, a_step_that_fails_is_reported_and_the_next_operation_works) {
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    FaultyDisk disk;
    disk.fail_at(step);
    auto store = StateStore::open(file_);
    if (!store) store = StateStore::open(file_);
    ASSERT_TRUE(store) << store.error().text();
    auto known = contents(**store);
    for (auto const& operation : operations()) {
      auto const done = operation(**store);
      auto const now = contents(**store);
      if (!done) {
        EXPECT_EQ(now, known);
      }
      known = now;
    }
    if (disk.steps() < step) break;
    ASSERT_TRUE((*store)->set_setting("colour", "red"));
    known = contents(**store);
    disk.lose_power_at(disk.steps() + 1);
    store->reset();
    SeededRandom random{step};
    disk.restore_power(Survives::nothing, random);
    store = StateStore::open(file_);
    ASSERT_TRUE(store) << store.error().text();
    ASSERT_EQ(contents(**store), known);
  }
}

} // namespace
} // namespace weave::controller::store
