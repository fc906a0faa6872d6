#include "controller/app/container_addresses.hpp"

#include <gtest/gtest.h>

#include "test/unit/docker/scripted_engine.hpp"
#include "test/unit/ipam/allocator_fakes.hpp"

namespace weave::controller {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

Ipv4Cidr cidr(char const* text) { return Ipv4Cidr::parse(text).value(); }

class ContainerAddressesTest : public testing::Test {
 protected:
  ContainerAddressesTest() {
    EXPECT_TRUE(rig_.allocator->restore());
    rig_.allocator->start();
  }
  void follow(bool memory_lost = false) {
    lives_ = std::make_unique<ContainerAddresses>(
        ContainerAddresses::Config{.drivers = {"weave", "weavemesh"}, .memory_lost = memory_lost},
        ContainerAddresses::Ports{.scheduler = clock_,
                                  .engine = engine_,
                                  .allocator = *rig_.allocator,
                                  .gate = gate_,
                                  .find_attached = [this](auto const&, auto done) { done(attached_); },
                                  .is_known_use = [this](Ipv4Address a) { return known_.contains(a.to_string()); },
                                  .logger = Logger{rig_.log}});
  }
  /// A list of the watcher, and what follows from it.
  void look() {
    lives_->running({});
    clock_.advance(100ms);
  }
  void looks_for(Duration time) {
    for (auto const end = clock_.now() + time; clock_.now() < end; clock_.advance(3min)) look();
  }
  void allocate(std::string const& id, bool is_container) {
    test::Answered<Ipv4Cidr> answered;
    rig_.allocator->allocate({.id = id, .subnet = cidr("10.32.0.0/12"), .is_container = is_container, .deadline = {}},
                             answered.take());
    clock_.settle();
    ASSERT_TRUE(answered.done() && *answered.result);
  }
  /// "id address", in the order of the ids.
  [[nodiscard]] Texts owned() const {
    Texts rows;
    for (auto const& [id, row] : rig_.allocator->owned().all()) {
      for (auto const& one : row.cidrs)
        rows.push_back(id + " " + one.to_string() + (row.is_container ? " watched" : ""));
    }
    return rows;
  }

  test::VirtualScheduler clock_;
  test::AllocatorRig rig_{test::lone_peer(), clock_};
  docker::ScriptedEngine engine_{clock_};
  AllocationGate gate_;
  std::vector<ipam::ReclaimedAddress> attached_;
  std::set<std::string> known_;
  std::unique_ptr<ContainerAddresses> lives_;
};

TEST_F(ContainerAddressesTest, FollowsEvents) {
  follow();
  engine_.start("a", "other");
  allocate("a", true);
  allocate("b", false);
  lives_->died("a");
  lives_->died("b");
  clock_.advance(29s);
  lives_->started("a");
  clock_.advance(1min);
  EXPECT_EQ(owned(), (Texts{"a 10.32.0.1/12 watched", "b 10.32.0.2/12"}));
  lives_->died("a");
  clock_.advance(40s);
  EXPECT_EQ(owned(), (Texts{"b 10.32.0.2/12"}));
  allocate("a", true);
  lives_->destroyed("a");
  lives_->destroyed("b");
  EXPECT_EQ(owned(), (Texts{"b 10.32.0.2/12"}));
}

TEST_F(ContainerAddressesTest, MakesUpForEventsThatWereMissed) {
  follow();
  // Known by its id and by nothing: gone. A name that is not there may be that of a container which was renamed.
  std::string const gone(64, 'e');
  for (auto const& id : {std::string{"alive"}, std::string{"stopped"}, gone, std::string{"0123456789ab"}}) {
    allocate(id, true);
  }
  allocate("renamed", true);
  engine_.start("alive", "other");
  engine_.start("stopped", "other");
  engine_.halt("stopped");
  engine_.start("0123456789abcdef", "other"); // allocated for by its short id
  look();
  EXPECT_EQ(owned(), (Texts{"0123456789ab 10.32.0.4/12 watched", "alive 10.32.0.1/12 watched",
                            "renamed 10.32.0.5/12 watched", "stopped 10.32.0.2/12 watched"}));
  clock_.advance(40s);
  EXPECT_EQ(owned(),
            (Texts{"0123456789ab 10.32.0.4/12 watched", "alive 10.32.0.1/12 watched", "renamed 10.32.0.5/12 watched"}));
}

TEST_F(ContainerAddressesTest, BelievesAnEventMoreThanAnOlderList) {
  follow();
  allocate("a", true);
  lives_->running({});
  engine_.start("a", "other");
  lives_->started("a"); // after the engine was asked, before it has answered
  engine_.containers.clear();
  clock_.advance(1min);
  EXPECT_EQ(owned(), (Texts{"a 10.32.0.1/12 watched"}));
}

TEST_F(ContainerAddressesTest, ClaimsWhatIsInUseBeforeAnythingIsGivenOut) {
  engine_.start("a", "n1", 0x0a200001);
  engine_.start("b", "n2", 0x0a200003);
  engine_.start("c", "other", 0x0a200004);
  engine_.start("d", "n1", 0x0a200005);
  engine_.halt("d");
  engine_.reserved["n1"] = {cidr("10.32.0.0/12"), cidr("10.32.0.2/12")};
  attached_ = {{.id = "a", .cidr = cidr("10.32.0.6/12"), .is_container = true}};
  follow(true);
  ASSERT_TRUE(gate_.closed());
  Texts given;
  gate_.pass([&] {
    for (auto const* id : {"x", "y"}) allocate(id, false);
    given = owned();
  });
  look();
  clock_.advance(6s); // the allocator leaves time to hear of a ring
  EXPECT_FALSE(gate_.closed());
  EXPECT_EQ(owned(), (Texts{"10.32.0.1 10.32.0.1/12", "10.32.0.2 10.32.0.2/12", "10.32.0.3 10.32.0.3/12",
                            "a 10.32.0.6/12 watched", "x 10.32.0.4/12", "y 10.32.0.5/12"}));
  EXPECT_EQ(given, owned());
}

TEST_F(ContainerAddressesTest, ReportsAddressesOfWhichAnotherHolderIsRecorded) {
  for (auto const* const id : {"whole", "shor", "name-named", "other"}) allocate(id, true);
  for (auto const* const id : {"whole", "short", "named", "double"}) engine_.start(id, "elsewhere");
  attached_ = {{.id = "whole", .cidr = cidr("10.32.0.1/12"), .is_container = true},
               {.id = "short", .cidr = cidr("10.32.0.2/12"), .is_container = true},
               {.id = "named", .cidr = cidr("10.32.0.3/12"), .is_container = true},
               {.id = "double", .cidr = cidr("10.32.0.4/12"), .is_container = true}};
  follow();
  look();
  look();
  EXPECT_EQ(rig_.log->count("address 10.32.0.4 of container double is recorded for other as well"), 1U);
  EXPECT_EQ(rig_.log->count("is recorded for"), 1U) << "what people allocate for is what they typed";
}

TEST_F(ContainerAddressesTest, DoesNotWaitForAnEngineThatIsAbsentOrSlow) {
  follow(true);
  lives_->engine_absent();
  EXPECT_FALSE(gate_.closed());
  engine_.delay = 1h;
  follow(true);
  look();
  EXPECT_TRUE(gate_.closed());
  clock_.advance(5s);
  EXPECT_FALSE(gate_.closed());
  EXPECT_EQ(rig_.log->count("Docker has not answered"), 1U);
}

TEST_F(ContainerAddressesTest, FreesWhatDockerAskedForAndNothingUses) {
  follow();
  engine_.start("a", "n1", 0x0a200001);
  engine_.reserved["other"] = {cidr("10.32.0.2/12")};
  known_ = {"10.32.0.3"};
  for (int i = 0; i < 4; ++i) allocate("_", false); // .1 of a, .2 a gateway, .3 of an endpoint, .4 of nobody
  allocate("by id", false);
  looks_for(9min);
  EXPECT_EQ(owned().size(), 5U);
  looks_for(6min);
  EXPECT_EQ(owned(), (Texts{"10.32.0.1 10.32.0.1/12", "10.32.0.2 10.32.0.2/12", "10.32.0.3 10.32.0.3/12",
                            "by id 10.32.0.5/12"}));
  EXPECT_EQ(rig_.log->count("Freeing address 10.32.0.4"), 1U);
}

TEST_F(ContainerAddressesTest, FreesNothingThatMayBeInUse) {
  follow();
  allocate("_", false);
  looks_for(9min);
  lives_->touch(*Ipv4Address::parse("10.32.0.1")); // given out anew
  looks_for(9min);
  EXPECT_EQ(owned().size(), 1U) << "touched";
  engine_.down = Error{ErrorKind::unavailable, "restarting"};
  look();
  engine_.down.reset();
  looks_for(9min);
  EXPECT_EQ(owned().size(), 1U) << "the engine was away";
  lives_->engine_absent();
  looks_for(9min);
  EXPECT_EQ(owned().size(), 1U) << "the engine was absent";
  engine_.start("a", "n1");
  engine_.containers["a"].endpoints.front().address.reset();
  looks_for(30min);
  EXPECT_EQ(owned().size(), 1U) << "it may be the address of a container that is just starting";
  engine_.containers.clear();
  looks_for(15min);
  EXPECT_EQ(owned().size(), 0U);
}

} // namespace
} // namespace weave::controller
