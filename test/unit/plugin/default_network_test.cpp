#include "controller/docker/default_network.hpp"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::controller::docker {
namespace {

using namespace std::chrono_literals;

/// Keeps networks; may be absent, not ready, or silent.
class FakeEngine final : public DockerEngine {
 public:
  explicit FakeEngine(Scheduler& scheduler) : scheduler_{scheduler} {}

  void inspect_network(std::string const& network, Callback<NetworkInfo> done) override {
    ++inspections;
    answer<NetworkInfo>(done, [this, network]() -> Result<NetworkInfo> {
      for (auto const& known : networks) {
        if (known.name == network || known.id == network) return known;
      }
      return failure(ErrorKind::not_found, "No such network: " + network);
    });
  }
  void create_network(NetworkSpec const& spec, Callback<std::string> done) override {
    answer<std::string>(done, [this, spec]() -> Result<std::string> {
      if (!plugin_works) return failure(ErrorKind::system, "legacy plugin: connection refused");
      networks.push_back(NetworkInfo{.id = "id-" + spec.name,
                                     .name = spec.name,
                                     .driver = spec.driver,
                                     .subnets = {spec.subnet},
                                     .options = spec.options,
                                     .containers = {}});
      return networks.back().id;
    });
  }
  void remove_network(std::string const& network, Callback<void> done) override {
    answer<void>(done, [this, network]() -> Result<void> {
      auto const found = std::ranges::find_if(networks, [&](auto const& known) { return known.id == network; });
      if (found == networks.end()) return failure(ErrorKind::not_found, "no such network");
      if (!found->containers.empty()) return failure(ErrorKind::refused, "has active endpoints");
      networks.erase(found);
      return {};
    });
  }
  void list_containers(bool, Callback<std::vector<ContainerSummary>>) override {}

  std::vector<NetworkInfo> networks;
  std::optional<Error> down;
  bool plugin_works = true;
  int inspections = 0;

 private:
  template <class T, class Call>
  void answer(Callback<T> done, Call call) {
    scheduler_.post([this, done, call] { done(down ? Result<T>{std::unexpected{*down}} : call()); });
  }
  Scheduler& scheduler_;
};

struct DefaultNetworkTest : ::testing::Test {
  test::VirtualScheduler scheduler;
  FakeEngine engine{scheduler};
  std::shared_ptr<test::LogRecorder> log = std::make_shared<test::LogRecorder>();
  DefaultNetwork network{scheduler, engine, {.subnet = *Ipv4Cidr::parse("10.32.0.0/12")}, Logger{log}};
};

TEST_F(DefaultNetworkTest, IsMadeWithOurDriverAndSubnet) {
  std::vector<DefaultNetworkStatus> changes;
  network.watch([&](DefaultNetworkStatus const& status) { changes.push_back(status); });
  network.start();
  EXPECT_EQ(network.status().state, DefaultNetworkState::waiting);
  scheduler.settle();
  EXPECT_EQ(network.status(),
            (DefaultNetworkStatus{.state = DefaultNetworkState::ready, .reason = "", .network_id = "id-weave"}));
  EXPECT_EQ(engine.networks, (std::vector<NetworkInfo>{{.id = "id-weave",
                                                        .name = "weave",
                                                        .driver = "weavemesh",
                                                        .subnets = {"10.32.0.0/12"},
                                                        .options = {{"works.weave.multicast", "true"}},
                                                        .containers = {}}}));
  EXPECT_EQ(changes.size(), 1U);
  scheduler.advance(1h);
  EXPECT_EQ(engine.inspections, 1);
}

TEST_F(DefaultNetworkTest, WaitsQuietlyForAnEngine) {
  engine.down = Error{ErrorKind::unavailable, "cannot connect to unix:///var/run/docker.sock: No such file"};
  network.start();
  scheduler.advance(1h);
  EXPECT_EQ(network.status().state, DefaultNetworkState::engine_absent);
  EXPECT_EQ(log->lines().size(), 1U);
  EXPECT_LT(engine.inspections, 1300);
  engine.down.reset();
  scheduler.advance(3s);
  EXPECT_EQ(network.status().state, DefaultNetworkState::ready);
}

TEST_F(DefaultNetworkTest, TriesAgainWithGrowingPauses) {
  engine.plugin_works = false;
  network.start();
  scheduler.advance(10min);
  EXPECT_EQ(network.status().state, DefaultNetworkState::failing);
  EXPECT_EQ(network.status().reason, "legacy plugin: connection refused");
  EXPECT_GT(engine.inspections, 20);
  EXPECT_LT(engine.inspections, 40);
  EXPECT_EQ(log->lines().size(), 1U);
  engine.plugin_works = true;
  scheduler.advance(30s);
  EXPECT_EQ(network.status().state, DefaultNetworkState::ready);
  EXPECT_EQ(network.status().reason, "");
}

TEST_F(DefaultNetworkTest, SaysThatANetworkKeepsTheMulticastOptionItWasMadeWith) {
  engine.networks.push_back({.id = "old",
                             .name = "weave",
                             .driver = "weavemesh",
                             .subnets = {"10.32.0.0/12"},
                             .options = {{"works.weave.multicast", "false"}},
                             .containers = {}});
  network.start();
  scheduler.settle();
  EXPECT_EQ(network.status().state, DefaultNetworkState::ready);
  EXPECT_EQ(network.options(), (std::map<std::string, std::string>{{"works.weave.multicast", "false"}}));
  ASSERT_EQ(log->lines().size(), 1U);
  EXPECT_NE(log->lines().front().find("keeps that"), std::string::npos);
}

TEST_F(DefaultNetworkTest, LeavesAForeignNetworkAlone) {
  engine.networks.push_back(
      NetworkInfo{.id = "x", .name = "weave", .driver = "bridge", .subnets = {}, .options = {}, .containers = {}});
  network.start();
  scheduler.advance(10min);
  EXPECT_EQ(network.status().state, DefaultNetworkState::foreign);
  EXPECT_EQ(engine.networks.size(), 1U);
  EXPECT_EQ(log->count("exists with driver bridge"), 1U);
  std::optional<bool> removed;
  network.remove([&](Result<DefaultNetwork::Removal> const& result) { removed = result->removed; });
  scheduler.settle();
  EXPECT_EQ(removed, true);
  EXPECT_EQ(engine.networks.size(), 1U);
}

TEST_F(DefaultNetworkTest, AdoptsItsOwnAndWarnsOfAnotherSubnet) {
  engine.networks.push_back(NetworkInfo{
      .id = "old", .name = "weave", .driver = "weave", .subnets = {"10.0.0.0/8"}, .options = {}, .containers = {}});
  network.start();
  scheduler.settle();
  EXPECT_EQ(network.status().network_id, "old");
  EXPECT_EQ(network.status().state, DefaultNetworkState::ready);
  EXPECT_TRUE(network.status().reason.contains("has subnet 10.0.0.0/8, not 10.32.0.0/12")) << "status shows it";
  EXPECT_EQ(log->count("has subnet 10.0.0.0/8, not 10.32.0.0/12"), 1U);
}

TEST_F(DefaultNetworkTest, StopsForGood) {
  engine.plugin_works = false;
  network.start();
  scheduler.advance(1s);
  network.stop();
  auto const before = engine.inspections;
  scheduler.advance(1h);
  EXPECT_EQ(engine.inspections, before);
  engine.plugin_works = true;
  network.start();
  network.stop(); // with the first question under way
  scheduler.advance(1h);
  EXPECT_TRUE(engine.networks.empty());
}

TEST_F(DefaultNetworkTest, RemovesItselfOrSaysWhoHinders) {
  network.start();
  scheduler.settle();
  std::vector<Result<DefaultNetwork::Removal>> results;
  auto const remove = [&] {
    results.clear();
    network.remove([&](Result<DefaultNetwork::Removal> answer) { results.push_back(std::move(answer)); });
    EXPECT_TRUE(results.empty());
    scheduler.settle();
  };
  engine.networks.at(0).containers = {"c1", "c2"};
  remove();
  EXPECT_FALSE(results.at(0)->removed);
  EXPECT_EQ(results.at(0)->attached_containers, (std::vector<std::string>{"c1", "c2"}));
  engine.networks.at(0).containers.clear();
  remove();
  EXPECT_TRUE(results.at(0)->removed);
  EXPECT_TRUE(engine.networks.empty());
  remove();
  EXPECT_TRUE(results.at(0)->removed);
  engine.down = Error{ErrorKind::unavailable, "nobody there"};
  remove();
  EXPECT_EQ(results.at(0).error().kind(), ErrorKind::unavailable);
}

} // namespace
} // namespace weave::controller::docker
