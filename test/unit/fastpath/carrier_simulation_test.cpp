#include <gtest/gtest.h>

#include "test/unit/fastpath/fastdp_network.hpp"

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;

/// Two hosts, a sleeve that works and a VXLAN network with faults at random: blocks in either or both directions, loss,
/// slowness. Each host is always on a carrier that works, and on the fast one when that has worked for long enough.
class CarrierSimulation {
 public:
  explicit CarrierSimulation(std::uint64_t seed) : random_{seed}, net_{seed} {
    net_.connect();
    net_.confirm();
  }

  void run(int changes) {
    for (int change = 0; change < changes && !testing::Test::HasFailure(); ++change) {
      disturb();
      pass(Duration{std::chrono::milliseconds{200 + random_.below(12000)}});
    }
    for (auto const& host : net_.hosts) EXPECT_TRUE(host.errors.empty());
  }

 private:
  static constexpr Duration kStep = 20ms;
  static constexpr Duration kAway = 2s;
  static constexpr Duration kBack = 5s;

  void disturb() {
    auto const kind = random_.below(6);
    since_change_ = {};
    for (auto& host : net_.hosts) {
      host.blocked = false;
      host.loss_percent = 0;
    }
    net_.latency = std::chrono::milliseconds{1 + random_.below(40)};
    if (kind == 0 || kind == 1) net_.hosts[0].blocked = true;
    if (kind == 0 || kind == 2) net_.hosts[1].blocked = true;
    if (kind == 3) net_.hosts[random_.below(2)].loss_percent = 10;
  }

  void pass(Duration time) {
    for (Duration passed{}; passed < time; passed += kStep) {
      net_.run(kStep);
      bool const clean = !net_.hosts[0].blocked && !net_.hosts[1].blocked && net_.hosts[0].loss_percent == 0 &&
                         net_.hosts[1].loss_percent == 0;
      clean_for_ = clean ? clean_for_ + kStep : Duration{};
      since_change_ += kStep;
      for (int i = 0; i < 2; ++i) check(i);
    }
  }
  void check(int i) {
    auto const& host = net_.hosts[i];
    if (host.blocked && since_change_ > kAway) {
      EXPECT_EQ(host.best(), "sleeve") << i;
    }
    if (clean_for_ > kBack) {
      EXPECT_EQ(host.best(), "fastdp") << i;
    }
  }

  SeededRandom random_;
  test::FastdpNetwork net_;
  Duration clean_for_{};
  Duration since_change_{};
};

TEST(CarrierSimulationTest, FramesGoByACarrierThatWorks) {
  for (std::uint64_t seed = 1; seed <= 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    CarrierSimulation{seed}.run(30);
  }
}

} // namespace
} // namespace weave::datapath
