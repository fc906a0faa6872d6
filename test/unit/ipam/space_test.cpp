#include <set>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "controller/ipam/address_space.hpp"
#include "controller/ipam/interval_set.hpp"
#include "test/unit/ipam/ipam_vectors.hpp"

namespace weave::controller::ipam {
namespace {

using namespace weave::test;

AddressSpace space_of(boost::json::value const& item) {
  AddressSpace space;
  space.follow(ranges_of(item.at("owned")), {});
  for (auto const address : addresses_of(item.at("allocated"))) EXPECT_TRUE(space.claim(address));
  return space;
}

TEST(AddressSpace, donates_like_the_original) {
  for (auto const& item : ipam_group("space", "donate")) {
    auto const name = text_of(item.at("name"));
    auto space = space_of(item);
    auto const request = range_of(item.at("request"));
    EXPECT_EQ(space.free().count_in(request), number_of<std::uint32_t>(item.at("free_in_range_before")));
    auto const given = space.donate(request);
    ASSERT_EQ(given.has_value(), item.at("ok").as_bool()) << name;
    if (given) {
      EXPECT_EQ(*given, range_of(item.at("donated"))) << name;
    }
    EXPECT_EQ(space.free().ranges(), ranges_of(item.at("free_after"))) << name;
    EXPECT_EQ(space.allocated().ranges(), ranges_of(item.at("allocated_after"))) << name;
  }
  ipam_file().covered("space/donate");
}

TEST(AddressSpace, allocates_the_lowest_host_address) {
  for (auto const& item : ipam_group("space", "allocate")) {
    auto space = space_of(item);
    auto const hosts = cidr_of(item.at("subnet")).host_range();
    for (auto const& expected : item.at("allocations").as_array()) {
      auto const address = space.allocate(hosts);
      if (expected.is_null()) {
        EXPECT_FALSE(address) << text_of(item.at("name"));
      } else {
        ASSERT_TRUE(address) << text_of(item.at("name"));
        EXPECT_EQ(*address, address_of(expected));
      }
    }
  }
  ipam_file().covered("space/allocate");
}

Ipv4Address at(std::uint32_t offset) { return Ipv4Address{0x0a000000U + offset}; }
Ipv4Range from_to(std::uint32_t from, std::uint32_t to) { return {at(from), at(to)}; }

TEST(AddressSpace, drops_what_the_ring_took_away) {
  AddressSpace space;
  space.follow({from_to(0, 64)}, {});
  ASSERT_TRUE(space.claim(at(3)));
  space.follow({from_to(0, 32)}, {at(3)});
  EXPECT_EQ(space.free().ranges(), (std::vector<Ipv4Range>{from_to(0, 3), from_to(4, 32)}));
  space.follow({from_to(16, 32)}, {at(3)});
  EXPECT_EQ(space.allocated().count(), 0U);
  EXPECT_EQ(space.free().ranges(), (std::vector<Ipv4Range>{from_to(16, 32)}));
}

TEST(AddressSpace, takes_new_ranges_with_the_addresses_already_in_use) {
  AddressSpace space;
  space.follow({from_to(0, 16)}, {at(5), at(100)});
  EXPECT_FALSE(space.claim(at(5)));
  EXPECT_EQ(space.allocated().ranges(), (std::vector<Ipv4Range>{from_to(5, 6)}));
}

TEST(IntervalSet, behaves_like_a_set_of_addresses) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SeededRandom random{seed};
    IntervalSet set;
    std::set<std::uint32_t> model;
    for (int step = 0; step < 60; ++step) {
      auto const from = static_cast<std::uint32_t>(random.below(40));
      auto const to = from + static_cast<std::uint32_t>(random.below(8));
      bool const adding = random.below(2) == 0;
      for (auto value = from; value < to; ++value) adding ? void(model.insert(value)) : void(model.erase(value));
      adding ? set.add(from_to(from, to)) : set.remove(from_to(from, to));

      ASSERT_EQ(set.count(), model.size()) << "seed " << seed;
      auto const low = static_cast<std::uint32_t>(random.below(48));
      auto const high = low + static_cast<std::uint32_t>(random.below(10));
      auto const first = model.lower_bound(low);
      bool const any = first != model.end() && *first < high;
      ASSERT_EQ(set.overlaps(from_to(low, high)), any) << "seed " << seed;
      ASSERT_EQ(set.lowest_in(from_to(low, high)), any ? std::optional{at(*first)} : std::nullopt) << "seed " << seed;
      auto const inside = static_cast<std::uint32_t>(std::distance(first, model.lower_bound(high)));
      ASSERT_EQ(set.count_in(from_to(low, high)), low < high ? inside : 0U) << "seed " << seed;
      ASSERT_EQ(set.covers(from_to(low, high)), low >= high || inside == high - low) << "seed " << seed;
      ASSERT_EQ(set.contains(at(low)), model.contains(low)) << "seed " << seed;
      auto const ranges = set.ranges();
      for (std::size_t i = 1; i < ranges.size(); ++i) ASSERT_LT(ranges[i - 1].end, ranges[i].start) << "seed " << seed;
    }
  }
}

} // namespace
} // namespace weave::controller::ipam
