#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "controller/ipam/allocator.hpp"
#include "test/unit/ipam/allocator_fakes.hpp"

namespace weave::controller::ipam {

using namespace weave::test;
using namespace std::chrono_literals;

inline PeerName peer(int number) { return PeerName{static_cast<std::uint64_t>(number)}; }
inline Ipv4Cidr cidr(std::string_view text) { return Ipv4Cidr::parse(text).value(); }

/// Peer 1 among peers 1 to `seeds`, each with its share of 10.0.0.0/24; no seeds: an elector without a ring.
class AllocatorTest : public testing::Test {
 protected:
  static AllocatorConfig config(int seeds, std::string_view universe = "10.0.0.0/24") {
    AllocatorConfig config;
    config.self = peer(1);
    config.nickname = "one";
    config.uid = PeerUid{77};
    config.universe = config.default_subnet = cidr(universe);
    config.quorum = [] { return 2U; };
    for (int i = 1; i <= seeds; ++i) config.formation.seeds.push_back(peer(i));
    if (seeds > 0) config.formation.mode = Formation::Mode::seeds;
    return config;
  }
  void boot(AllocatorConfig const& config) {
    rig = std::make_unique<AllocatorRig>(config, clock, store);
    ASSERT_TRUE(rig->allocator->restore());
    rig->channel.sent.clear();
  }
  Allocator& allocator() { return *rig->allocator; }

  Operation allocate(std::string id, Answered<Ipv4Cidr>& answer, std::optional<Duration> deadline = std::nullopt) {
    auto operation = allocator().allocate({std::move(id), cidr("10.0.0.0/24"), true, deadline}, answer.take());
    clock.settle();
    return operation;
  }
  Result<void> claim(ClaimRequest request) {
    Answered<void> answer;
    allocator().claim(std::move(request), answer.take());
    clock.settle();
    return answer.done() ? *answer.result : failure(ErrorKind::unavailable, "(none yet)");
  }
  /// All addresses here in use.
  void fill() {
    for (auto const& range : allocator().book().space().free().ranges()) {
      for (auto address = range.start; address < range.end; address = address + 1) {
        ASSERT_TRUE(claim({"filler", {address, 24}, false, false, false, std::nullopt}));
      }
    }
  }
  std::vector<PeerName> asked() {
    std::vector<PeerName> donors;
    for (auto const& message : std::exchange(rig->channel.sent, {})) {
      if (message.destination && message.payload.front() == 0) donors.push_back(*message.destination);
    }
    return donors;
  }
  void deny(PeerName donor, Ipv4Range range) {
    ASSERT_TRUE(allocator().on_unicast(donor, encode_unicast(SpaceDenied{range})));
    clock.settle();
  }

  VirtualScheduler clock;
  std::shared_ptr<MemoryIpamStore> store = std::make_shared<MemoryIpamStore>();
  std::unique_ptr<AllocatorRig> rig;
};

} // namespace weave::controller::ipam
