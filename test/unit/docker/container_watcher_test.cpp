#include "controller/docker/container_watcher.hpp"

#include <gtest/gtest.h>

#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/docker/scripted_engine.hpp"

namespace weave::controller::docker {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

/// Keeps what was told, and sees that it is told once.
struct ToldNames final : ContainerNames {
  void add(std::string const& id, std::string const& fqdn, Ipv4Address address) override {
    EXPECT_TRUE(names.insert(id + " " + fqdn + " " + address.to_string()).second) << "told twice: " << fqdn;
  }
  void remove(std::string const& id, std::string const& fqdn, Ipv4Address address) override {
    EXPECT_EQ(names.erase(id + " " + fqdn + " " + address.to_string()), 1U) << "never told: " << fqdn;
  }
  void died(std::string const& id) override { lives.push_back("died " + id); }
  void started(std::string const& id) override { lives.push_back("started " + id); }
  void destroyed(std::string const& id) override { lives.push_back("destroyed " + id); }
  void running(std::set<std::string> const& ids) override { last_running = ids; }
  void engine_absent() override { lives.push_back("engine absent"); }

  std::set<std::string> names;
  Lines lives;
  std::optional<std::set<std::string>> last_running;
};

struct ContainerWatcherTest : ::testing::Test {
  void start() {
    watcher.start();
    scheduler.advance(100ms);
  }
  Lines take_lives() { return std::exchange(told.lives, {}); }
  using Names = std::set<std::string>;

  test::VirtualScheduler scheduler;
  ScriptedEngine engine{scheduler};
  ToldNames told;
  std::shared_ptr<test::LogRecorder> log = std::make_shared<test::LogRecorder>();
  ContainerWatcher watcher{scheduler, engine, told, {.pauses = {}}, Logger{log}};
};

TEST_F(ContainerWatcherTest, TellsWhatRunsAlready) {
  engine.start("a");
  engine.containers["a"].hostname = "foo.weave.local";
  engine.start("b", "other");
  engine.start("c", "n2", 0x0a200002);
  engine.containers["z"].id = "z";
  start();
  EXPECT_EQ(told.names, (Names{"a foo.weave.local. 10.32.0.1", "a name-a.weave.local. 10.32.0.1",
                               "c name-c.weave.local. 10.32.0.2"}));
  EXPECT_EQ(told.last_running, (Names{"a", "b", "c"}));
  EXPECT_EQ(take_lives(), (Lines{"started a", "started b", "started c"}));
  EXPECT_EQ(engine.network_lookups, 3);
  EXPECT_EQ(watcher.status().state, WatchState::following);
  EXPECT_EQ(watcher.status().containers, 3U);
  EXPECT_EQ(watcher.status().names, 3U);
}

TEST_F(ContainerWatcherTest, FollowsStartDeathAndRestart) {
  start();
  engine.start("a");
  engine.emit(EventKind::network_connected, "a");
  engine.emit(EventKind::container_started, "a");
  scheduler.advance(100ms);
  EXPECT_EQ(told.names, (Names{"a name-a.weave.local. 10.32.0.1"}));
  engine.halt("a");
  engine.emit(EventKind::container_died, "a");
  scheduler.settle();
  EXPECT_EQ(told.names, Names{});
  EXPECT_EQ(take_lives(), (Lines{"started a", "died a"}));
  engine.start("a", "n1", 0x0a200009);
  engine.emit(EventKind::container_started, "a");
  scheduler.advance(100ms);
  EXPECT_EQ(told.names, (Names{"a name-a.weave.local. 10.32.0.9"}));
  engine.containers.erase("a");
  engine.emit(EventKind::container_died, "a");
  engine.emit(EventKind::container_destroyed, "a");
  scheduler.advance(1h);
  EXPECT_EQ(told.names, Names{});
  EXPECT_EQ(take_lives(), (Lines{"started a", "died a", "destroyed a"}));
  EXPECT_EQ(watcher.status().containers, 0U);
}

TEST_F(ContainerWatcherTest, TellsDeathsOfContainersItDidNotKnow) {
  start();
  engine.emit(EventKind::container_died, "x");
  engine.emit(EventKind::container_destroyed, "x");
  scheduler.settle();
  EXPECT_EQ(take_lives(), (Lines{"died x", "destroyed x"}));
}

TEST_F(ContainerWatcherTest, FollowsRenamesAndNetworks) {
  engine.start("a");
  start();
  engine.containers["a"].name = "shop";
  engine.emit(EventKind::container_renamed, "a");
  scheduler.advance(100ms);
  EXPECT_EQ(told.names, (Names{"a shop.weave.local. 10.32.0.1"}));
  engine.connect("a", "n2", 0x0a200007);
  engine.containers["a"].endpoints.back().aliases = {"db"};
  engine.connect("a", "other", 0x0a200008);
  engine.emit(EventKind::network_connected, "a");
  scheduler.advance(100ms);
  EXPECT_EQ(told.names,
            (Names{"a db.weave.local. 10.32.0.7", "a shop.weave.local. 10.32.0.1", "a shop.weave.local. 10.32.0.7"}));
  std::erase_if(engine.containers["a"].endpoints, [](auto const& endpoint) { return endpoint.network_id == "n1"; });
  engine.emit(EventKind::network_disconnected, "a");
  scheduler.advance(100ms);
  EXPECT_EQ(told.names, (Names{"a db.weave.local. 10.32.0.7", "a shop.weave.local. 10.32.0.7"}));
  EXPECT_EQ(take_lives(), (Lines{"started a"}));
}

TEST_F(ContainerWatcherTest, LooksOnceAfterAFlockOfEvents) {
  start();
  engine.start("a", "other");
  for (int i = 0; i < 20; ++i) engine.emit(EventKind::network_connected, "a");
  scheduler.advance(1s);
  EXPECT_EQ(engine.asked.size(), 2U); // and once more when the network is known
}

TEST_F(ContainerWatcherTest, WaitsForProcessAndAddress) {
  start();
  engine.start("a");
  engine.containers["a"].pid = 0;
  engine.emit(EventKind::container_started, "a");
  scheduler.advance(1s);
  EXPECT_EQ(told.names, Names{});
  engine.containers["a"].pid = 77;
  engine.containers["a"].endpoints.front().address.reset();
  scheduler.advance(1s);
  EXPECT_EQ(told.names, Names{});
  engine.connect("a", "n1", 0x0a200001);
  scheduler.advance(300ms);
  EXPECT_EQ(told.names.size(), 1U);
  auto const asked = engine.asked.size();
  scheduler.advance(1min);
  EXPECT_EQ(engine.asked.size(), asked);
}

TEST_F(ContainerWatcherTest, GivesUpWaitingForWhatNeverComesUp) {
  start();
  engine.start("a");
  engine.containers["a"].pid = 0;
  engine.emit(EventKind::container_started, "a");
  engine.start("b");
  engine.containers["b"].endpoints.front().address.reset();
  engine.emit(EventKind::container_started, "b");
  scheduler.advance(2min);
  EXPECT_LE(engine.asked.size(), 110U);
  EXPECT_EQ(take_lives(), (Lines{"started a", "started b", "died a"}));
  // Between two starts it is not waited for: the next start is an event.
  engine.asked.clear();
  engine.containers["a"].restarting = true;
  engine.emit(EventKind::container_died, "a");
  engine.emit(EventKind::network_disconnected, "a");
  scheduler.advance(10s);
  EXPECT_EQ(engine.asked.size(), 1U);
}

TEST_F(ContainerWatcherTest, DoesNotBelieveAnswersOlderThanADeath) {
  start();
  engine.delay = 100ms;
  engine.start("a");
  engine.emit(EventKind::container_started, "a");
  scheduler.advance(40ms); // asked
  engine.halt("a");
  engine.emit(EventKind::container_died, "a");
  scheduler.advance(1s);
  EXPECT_EQ(told.names, Names{});
  EXPECT_EQ(take_lives(), (Lines{"started a", "died a"}));
}

TEST_F(ContainerWatcherTest, CorrectsWhatEventsDidNotSay) {
  engine.start("a");
  engine.start("b", "n1", 0x0a200002);
  start();
  engine.halt("a");
  engine.connect("b", "n1", 0x0a200003);
  engine.start("c", "n1", 0x0a200004);
  scheduler.advance(3min);
  EXPECT_EQ(told.names, (Names{"b name-b.weave.local. 10.32.0.3", "c name-c.weave.local. 10.32.0.4"}));
  EXPECT_EQ(take_lives(), (Lines{"started a", "started b", "started c", "died a"}));
  // Nothing new: a list is enough.
  engine.asked.clear();
  auto const lists = engine.lists;
  scheduler.advance(3min);
  EXPECT_EQ(engine.lists, lists + 1);
  EXPECT_TRUE(engine.asked.empty());
}

TEST_F(ContainerWatcherTest, KeepsEverythingWhileTheEngineIsAway) {
  engine.start("a");
  engine.start("b", "n1", 0x0a200002);
  start();
  engine.cut(Error{ErrorKind::unavailable, "cannot connect"});
  engine.halt("b");
  scheduler.advance(1h);
  EXPECT_EQ(told.names.size(), 2U);
  EXPECT_EQ(watcher.status().state, WatchState::engine_absent);
  EXPECT_EQ(watcher.status().reason, "cannot connect");
  EXPECT_EQ(log->count("cannot connect"), 0U); // that the stream was lost has been said
  engine.down.reset();
  scheduler.advance(4s);
  EXPECT_EQ(told.names, (Names{"a name-a.weave.local. 10.32.0.1"}));
  EXPECT_EQ(watcher.status().state, WatchState::following);
  EXPECT_EQ(take_lives(), (Lines{"started a", "started b", "engine absent", "died b"}));
}

TEST_F(ContainerWatcherTest, ResumesWhereTheStreamBroke) {
  start();
  engine.start("a");
  engine.emit(EventKind::container_started, "a");
  scheduler.advance(1s);
  engine.cut(std::nullopt);
  engine.halt("a");
  engine.emit(EventKind::container_died, "a");
  engine.start("a");
  engine.emit(EventKind::container_started, "a");
  engine.emit(EventKind::container_died, "x");
  take_lives();
  scheduler.advance(2s);
  // In order, and the start before the break not again.
  EXPECT_EQ(take_lives(), (Lines{"died a", "started a", "died x"}));
  EXPECT_EQ(told.names, (Names{"a name-a.weave.local. 10.32.0.1"}));
}

TEST_F(ContainerWatcherTest, SurvivesAnEngineThatStartsAnew) {
  engine.start("a");
  engine.start("b", "n1", 0x0a200002);
  start();
  engine.cut(Error{ErrorKind::unavailable, "gone"});
  engine.history.clear();
  engine.halt("a");
  engine.start("b", "n1", 0x0a200005);
  engine.drivers.erase("n1");
  engine.drivers["n9"] = "weavemesh";
  engine.start("c", "n9", 0x0a200006);
  scheduler.advance(5s);
  engine.down.reset();
  scheduler.advance(4s);
  // The network of b is no more, whatever the container says of it.
  EXPECT_EQ(told.names, (Names{"c name-c.weave.local. 10.32.0.6"}));
}

TEST_F(ContainerWatcherTest, PausesLongerAndLongerBeforeItTriesAgain) {
  engine.down = Error{ErrorKind::system, "client version 1.12 is too old"};
  start();
  EXPECT_EQ(watcher.status().state, WatchState::failing);
  EXPECT_EQ(engine.openings, 1);
  scheduler.advance(1s);
  EXPECT_EQ(engine.openings, 2);
  scheduler.advance(1300ms);
  EXPECT_EQ(engine.openings, 2);
  scheduler.advance(200ms);
  EXPECT_EQ(engine.openings, 3);
  scheduler.advance(1min);
  auto const before = engine.openings;
  scheduler.advance(200s);
  EXPECT_EQ(engine.openings, before + 10);
  EXPECT_EQ(log->count("too old"), 1U);
  engine.down.reset();
  scheduler.advance(20s);
  EXPECT_EQ(watcher.status().state, WatchState::following);
  scheduler.advance(25s);
  engine.cut(std::nullopt);
  auto const openings = engine.openings;
  scheduler.advance(1s);
  EXPECT_EQ(engine.openings, openings + 1) << "it had lived long enough";
}

TEST_F(ContainerWatcherTest, TakesAListThatFailsForAnEngineThatDoes) {
  start();
  engine.down = Error{ErrorKind::timed_out, "no answer within 10.0 s"};
  scheduler.advance(3min + 10ms);
  EXPECT_EQ(watcher.status().state, WatchState::failing);
  EXPECT_FALSE(engine.open);
  engine.down.reset();
  scheduler.advance(2s);
  EXPECT_EQ(watcher.status().state, WatchState::following);
}

TEST_F(ContainerWatcherTest, AsksAgainWhatTheEngineCouldNotSay) {
  engine.start("a");
  start();
  engine.down = Error{ErrorKind::malformed, "not JSON"};
  engine.connect("a", "n1", 0x0a200003);
  engine.emit(EventKind::network_connected, "a");
  scheduler.advance(10s);
  EXPECT_EQ(told.names, (Names{"a name-a.weave.local. 10.32.0.1"}));
  EXPECT_EQ(log->count("not JSON"), 1U);
  EXPECT_LE(engine.asked.size(), 8U);
  engine.down.reset();
  scheduler.advance(20s);
  EXPECT_EQ(told.names, (Names{"a name-a.weave.local. 10.32.0.3"}));
}

TEST_F(ContainerWatcherTest, LooksForItselfAfterAnEventItCannotRead) {
  start();
  engine.start("a");
  auto const lists = engine.lists;
  for (int i = 0; i < 30; ++i) {
    engine.emit_nonsense();
    scheduler.advance(100ms);
  }
  scheduler.advance(3s);
  EXPECT_EQ(engine.lists, lists + 1);
  EXPECT_EQ(told.names.size(), 1U);
  EXPECT_TRUE(engine.open);
  scheduler.advance(3min);
  EXPECT_EQ(engine.lists, lists + 2) << "the usual rounds go on";
}

TEST_F(ContainerWatcherTest, StaysSilentOnceStopped) {
  engine.start("a");
  engine.delay = 50ms;
  watcher.start();
  scheduler.advance(60ms);
  watcher.stop();
  engine.emit(EventKind::container_died, "a");
  scheduler.advance(1h);
  EXPECT_EQ(told.names, Names{});
  EXPECT_EQ(scheduler.pending(), 0U);
  engine.delay = 1ms;
  watcher.start();
  scheduler.advance(100ms);
  watcher.stop();
  EXPECT_EQ(told.names.size(), 1U);
  watcher.start();
  scheduler.advance(100ms);
  EXPECT_EQ(told.names.size(), 1U);
}

} // namespace
} // namespace weave::controller::docker
