#include "controller/ipam/range_tracker.hpp"

#include <gtest/gtest.h>

#include "controller/ipam/allocator.hpp"
#include "test/unit/ipam/allocator_fakes.hpp"
#include "test/unit/ipam/ipam_vectors.hpp"

namespace weave::controller::ipam {
namespace {

using namespace weave::test;

std::vector<std::string> texts(std::vector<Ipv4Cidr> const& cidrs) {
  std::vector<std::string> texts;
  for (auto const& cidr : cidrs) texts.push_back(cidr.to_string());
  return texts;
}

std::vector<std::string> texts(boost::json::value const& cidrs) {
  std::vector<std::string> texts;
  for (auto const& cidr : cidrs.as_array()) texts.push_back(text_of(cidr));
  return texts;
}

TEST(RangeTracker, adds_and_removes_what_the_original_does) {
  for (auto const& item : ipam_group("tracker")) {
    auto const name = text_of(item.at("name"));
    SCOPED_TRACE(name);
    auto const change =
        cidr_change(covering_cidrs(ranges_of(item.at("previous"))), covering_cidrs(ranges_of(item.at("current"))));
    EXPECT_EQ(texts(change.added), texts(item.at("added_first")));
    EXPECT_EQ(texts(change.removed), texts(item.at("then_removed")));
    if (!HasFailure()) ipam_file().covered("tracker/" + name);
  }
}

TEST(RangeTracker, takes_ranges_in_any_order) {
  Ipv4Address const start{0x0a200000};
  EXPECT_EQ(texts(covering_cidrs({{start + 4, start + 8}, {start, start + 4}})),
            std::vector<std::string>{"10.32.0.0/29"});
}

constexpr PeerName kUs{1};
constexpr PeerName kThem{2};
Ipv4Range range(char const* text) { return Ipv4Cidr::parse(text).value().range(); }

class RecordingTracker final : public RangeTracker {
 public:
  void follow(std::vector<Ipv4Range> const& ranges) override { told.push_back(ranges); }

  std::vector<std::vector<Ipv4Range>> told;
};

class TrackedAllocator : public testing::Test {
 protected:
  std::unique_ptr<Allocator> start() {
    AllocatorConfig config{};
    config.self = kUs;
    config.universe = config.default_subnet = Ipv4Cidr::parse("10.32.0.0/24").value();
    config.formation = {.mode = Formation::Mode::seeds, .seeds = {kUs, kThem}, .peer_count = {}};
    config.quorum = [] { return 1U; };
    auto allocator =
        std::make_unique<Allocator>(config, AllocatorPorts{scheduler, random, mesh, store, Logger{}, &tracker});
    allocator->attach(channel);
    (void)allocator->restore();
    return allocator;
  }

  VirtualScheduler scheduler;
  SeededRandom random{1};
  FakeMeshView mesh;
  RecordingChannel channel;
  MemoryIpamStore store;
  RecordingTracker tracker;
};

TEST_F(TrackedAllocator, tells_of_formation_giving_and_handing_over) {
  mesh.everybody_known = true;
  mesh.known = {kThem};
  auto const allocator = start();
  ASSERT_EQ(tracker.told, (std::vector<std::vector<Ipv4Range>>{{range("10.32.0.0/25")}}));
  ASSERT_TRUE(allocator->on_unicast(kThem, encode_unicast(SpaceRequest{range("10.32.0.0/25")})));
  ASSERT_EQ(tracker.told.size(), 2U);
  EXPECT_LT(covering_cidrs(tracker.told.back()).front().size(), 128U);
  allocator->shut_down();
  EXPECT_EQ(tracker.told.size(), 3U);
  EXPECT_TRUE(tracker.told.back().empty());
}

TEST_F(TrackedAllocator, tells_of_taking_over_and_of_what_was_stored) {
  {
    auto const allocator = start();
    ASSERT_TRUE(allocator->take_over(kThem.to_string()));
    ASSERT_EQ(tracker.told.size(), 2U);
    EXPECT_EQ(texts(covering_cidrs(tracker.told.back())), std::vector<std::string>{"10.32.0.0/24"});
  }
  auto const again = start();
  ASSERT_EQ(tracker.told.size(), 3U);
  EXPECT_EQ(tracker.told.back(), tracker.told[1]);
}

TEST_F(TrackedAllocator, tells_of_what_is_learnt) {
  auto const allocator = start();
  auto state = allocator->gossip_state();
  // They have taken over everything of ours.
  for (auto& token : state.ring->tokens) {
    if (token.peer != kUs) continue;
    token.peer = kThem;
    ++token.version;
  }
  ASSERT_TRUE(allocator->on_broadcast(kThem, encode_gossip_state(state)));
  EXPECT_TRUE(tracker.told.back().empty());
}

TEST_F(TrackedAllocator, keeps_to_itself_what_is_not_saved_and_what_is_known) {
  auto const allocator = start();
  for (int i = 0; i < 5; ++i) allocator->tick();
  EXPECT_EQ(tracker.told.size(), 1U);
  store.failing = true;
  ASSERT_TRUE(allocator->on_unicast(kThem, encode_unicast(SpaceRequest{range("10.32.0.0/25")})));
  EXPECT_EQ(tracker.told.size(), 1U);
  store.failing = false;
  allocator->tick();
  EXPECT_EQ(tracker.told.size(), 2U);
}

} // namespace
} // namespace weave::controller::ipam
