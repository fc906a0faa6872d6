#include <gtest/gtest.h>

#include "controller/ipam/persisted_state.hpp"
#include "test/unit/ipam/allocator_fakes.hpp"
#include "test/unit/ipam/ipam_vectors.hpp"

namespace weave::controller::ipam {
namespace {

using namespace weave::test;

class Hostile : public testing::Test {
 protected:
  Hostile() : rig{config(), clock} {
    EXPECT_TRUE(rig.allocator->restore());
    rig.channel.sent.clear();
  }

  static AllocatorConfig config() {
    AllocatorConfig config;
    config.self = PeerName::parse("7a:3a:5c:00:00:01").value();
    config.nickname = "alpha";
    config.universe = config.default_subnet = Ipv4Cidr::parse("10.0.0.0/24").value();
    config.formation = {Formation::Mode::seeds, {PeerName::parse("00:00:aa:bb:cc:02").value(), config.self}, {}};
    return config;
  }
  static Bytes payload(std::string_view name) {
    for (auto const& item : ipam_group("hostile")) {
      if (text_of(item.at("name")) == name) return hex_member(item.as_object(), "hex");
    }
    throw std::invalid_argument{"no such vector"};
  }
  static void covered(std::string const& name) { ipam_file().covered("hostile/" + name); }

  void expect_alive() {
    Answered<Ipv4Cidr> answer;
    rig.allocator->allocate({"c1", config().universe, true, std::nullopt}, answer.take());
    clock.settle();
    EXPECT_TRUE(answer.done() && *answer.result) << answer.error();
  }

  PeerName const other = PeerName::parse("00:00:aa:bb:cc:02").value();
  VirtualScheduler clock;
  AllocatorRig rig;
};

TEST_F(Hostile, empty_unicast_is_refused) {
  auto const taken = rig.allocator->on_unicast(other, payload("empty_unicast"));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::malformed);
  EXPECT_TRUE(rig.channel.sent.empty());
  expect_alive();
  covered("empty_unicast");
}

TEST_F(Hostile, unknown_unicast_is_ignored) {
  EXPECT_TRUE(rig.allocator->on_unicast(other, payload("unknown_unicast_tag")));
  EXPECT_TRUE(rig.channel.sent.empty());
  expect_alive();
  covered("unknown_unicast_tag");
}

TEST_F(Hostile, an_unused_range_may_be_taken) {
  // We own the lower half here, with nothing allocated in it.
  auto const universe = config().universe.range();
  RingState const ring{universe,
                       config().self,
                       {{universe.start, config().self, 3, 128}, {universe.start + 128, other, 0, 128}},
                       {other, config().self}};
  auto store = std::make_shared<MemoryIpamStore>();
  store->state = encode_persisted({config().self, universe, 1, {0, {}, std::nullopt, ring}});
  AllocatorRig loser{config(), clock, store};
  ASSERT_TRUE(loser.allocator->restore().value());
  ASSERT_EQ(loser.allocator->book().space().free().count(), 128U);

  EXPECT_TRUE(loser.allocator->on_gossip(kUnknownPeer, payload("take_unused_range")));
  EXPECT_EQ(loser.allocator->book().space().free().count(), 0U);
  EXPECT_TRUE(loser.allocator->book().ring().owned_ranges(config().self).empty());
  loser.allocator->tick();
  covered("take_unused_range");
}

TEST_F(Hostile, truncated_gob_is_refused) {
  auto const taken = rig.allocator->on_gossip(kUnknownPeer, payload("truncated_gob"));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::malformed);
  expect_alive();
  covered("truncated_gob");
}

TEST_F(Hostile, random_bytes_never_do_harm) {
  SeededRandom random{7};
  auto const whole = payload("take_unused_range");
  for (int round = 0; round < 5000; ++round) {
    auto bytes = whole;
    auto const flips = 1 + random.below(4);
    for (std::uint64_t i = 0; i < flips; ++i)
      bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.u64());
    static_cast<void>(rig.allocator->on_gossip(kUnknownPeer, bytes));
    static_cast<void>(rig.allocator->on_broadcast(other, bytes));
    bytes.insert(bytes.begin(), static_cast<std::uint8_t>(random.below(4)));
    static_cast<void>(rig.allocator->on_unicast(other, bytes));
  }
  rig.channel.sent.clear();
  rig.allocator->tick();
}

TEST_F(Hostile, donations_to_ourselves_and_of_nonsense_are_refused) {
  auto const before = rig.allocator->gossip_state().ring;
  auto const request = [&](PeerName from, std::uint32_t start, std::uint32_t end) {
    return rig.allocator->on_unicast(from, encode_unicast(SpaceRequest{{Ipv4Address{start}, Ipv4Address{end}}}));
  };
  EXPECT_TRUE(request(config().self, 0x0a000080, 0x0a000100));
  EXPECT_TRUE(request(kUnknownPeer, 0x0a000080, 0x0a000100));
  EXPECT_TRUE(request(other, 0x0a0000f0, 0x0a000080));
  EXPECT_TRUE(request(other, 0, 0));
  EXPECT_TRUE(request(other, 0xffffffff, 0));
  EXPECT_EQ(rig.allocator->gossip_state().ring, before);
}

TEST_F(Hostile, a_crowd_of_nicknames_is_bounded) {
  GossipState state;
  for (std::uint64_t name = 1; name <= 20'000; ++name) state.nicknames[PeerName{name}] = "x";
  state.nicknames[PeerName{1}] = std::string(100'000, 'y');
  state.nicknames[config().self] = "impostor";
  EXPECT_TRUE(rig.allocator->on_gossip(kUnknownPeer, encode_gossip_state(state)));
  EXPECT_LE(rig.allocator->gossip_state().nicknames.size(), 8192U);
  EXPECT_EQ(rig.allocator->gossip_state().nicknames.at(config().self), "alpha");
}

} // namespace
} // namespace weave::controller::ipam
