#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "controller/dns/name_lookup.hpp"
#include "controller/dns/name_table.hpp"

namespace weave::controller::dns {
namespace {

Ipv4Address address(std::uint32_t number) { return Ipv4Address{0x0a20'0000 + number}; }

/// Copies taken at any time keep showing what was there then.
TEST(SharedTable, copies_are_independent) {
  SeededRandom random{5};
  SharedTable<std::uint32_t, std::uint64_t> table;
  std::map<std::uint32_t, std::uint64_t> model;
  std::vector<std::pair<SharedTable<std::uint32_t, std::uint64_t>, std::map<std::uint32_t, std::uint64_t>>> copies;
  for (int i = 0; i < 20'000; ++i) {
    auto const key = static_cast<std::uint32_t>(random.below(3000));
    if (random.below(3) == 0) {
      table.erase(key);
      model.erase(key);
    } else {
      auto const value = random.u64();
      table.put(key, value);
      model[key] = value;
    }
    if (i % 1000 == 0) copies.emplace_back(table.share(), model);
  }
  copies.emplace_back(table.share(), model);
  for (auto const& [copy, truth] : copies) {
    EXPECT_EQ(copy.size(), truth.size());
    for (std::uint32_t key = 0; key < 3000; ++key) {
      auto const* const found = copy.find(key);
      auto const expected = truth.find(key);
      ASSERT_EQ(found != nullptr, expected != truth.end());
      if (found != nullptr) {
        ASSERT_EQ(*found, expected->second);
      }
    }
  }
}

TEST(NameSnapshot, answers_by_name_and_by_address) {
  auto const snapshot = NameSnapshot::of(
      {{"Foo.weave.local.", address(1)}, {"foo.weave.local.", address(2)}, {"bar.weave.local.", address(1)}});
  EXPECT_EQ(snapshot.find("foo.weave.local.").size(), 2U);
  EXPECT_TRUE(snapshot.find("foo.weave.local").empty());
  ASSERT_EQ(snapshot.find(address(1)).size(), 2U);
  EXPECT_EQ(snapshot.find(address(1)).front(), "Foo.weave.local.");
  EXPECT_TRUE(snapshot.find(address(3)).empty());
}

TEST(NameTable, reverse_names_are_in_storage_order) {
  NameTable table{PeerName{1}};
  Moment const now{1000, TimePoint{}};
  for (auto const* const name : {"Zebra.weave.local.", "apple.weave.local.", "Mango.weave.local."}) {
    (void)table.add({.hostname = name, .origin = PeerName{1}, .container_id = "c", .address = address(1)}, now);
  }
  auto const before = table.snapshot();
  auto const names = before.find(address(1));
  EXPECT_EQ((std::vector<std::string>{names.begin(), names.end()}),
            (std::vector<std::string>{"apple.weave.local.", "Mango.weave.local.", "Zebra.weave.local."}));
  EXPECT_FALSE(table.answers_changed());
  (void)table.remove({.hostname = "apple.weave.local."}, now);
  EXPECT_TRUE(table.answers_changed());
  EXPECT_EQ(table.snapshot().find(address(1)).front(), "Mango.weave.local.");
  EXPECT_EQ(before.find(address(1)).front(), "apple.weave.local.") << "a snapshot does not change";
}

TEST(NameTable, two_containers_with_one_name_and_address_are_one_answer) {
  NameTable table{PeerName{1}};
  Moment const now{1000, TimePoint{}};
  for (auto const* const id : {"c1", "c2"}) {
    (void)table.add({.hostname = "a.weave.local.", .origin = PeerName{1}, .container_id = id, .address = address(1)},
                    now);
  }
  EXPECT_EQ(table.snapshot().find("a.weave.local.").size(), 1U);
  (void)table.remove({.container_id = "c1"}, now);
  EXPECT_EQ(table.snapshot().find("a.weave.local.").size(), 1U);
  (void)table.remove({.container_id = "c2"}, now);
  EXPECT_TRUE(table.snapshot().find("a.weave.local.").empty());
}

/// Readers see one consistent state after the other while names come and go.
TEST(PublishedNames, can_be_read_while_they_change) {
  PublishedNames published;
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  std::atomic<int> inconsistent = 0;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      NameReader reader{published};
      while (!done) {
        auto const& snapshot = reader.current();
        auto const addresses = snapshot.find("a.weave.local.");
        if (!addresses.empty() && snapshot.find(addresses.front()).empty()) ++inconsistent;
      }
    });
  }
  NameTable table{PeerName{1}};
  for (std::uint32_t i = 0; i < 3000; ++i) {
    Moment const now{1000 + i, TimePoint{}};
    (void)table.remove({}, now);
    (void)table.add(
        {.hostname = "a.weave.local.", .origin = PeerName{1}, .container_id = "c", .address = address(i % 5)}, now);
    published.publish(table.snapshot());
  }
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(inconsistent, 0);
  EXPECT_EQ(NameReader{published}.current().find("a.weave.local.").front(), address(2999 % 5));
}

} // namespace
} // namespace weave::controller::dns
