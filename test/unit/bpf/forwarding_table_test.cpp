#include "datapath/bpf/forwarding_table.hpp"

#include <set>

#include <gtest/gtest.h>

#include "datapath/bpf/kernel_layout.h"

namespace weave::datapath::bpf {
namespace {

ShortId id(unsigned number) { return ShortId{static_cast<std::uint16_t>(number)}; }
PeerName name(unsigned number) { return PeerName{0xa000ULL + number}; }
std::uint32_t device_of(std::uint16_t port) { return port == 6784 ? 9 : 0; }

/// The kernel's side: keeps what was written and checks at each write what a program could follow.
class FakeMaps final : public ForwardingMaps {
 public:
  Result<void> write_route(ShortId number, RouteEntry const& entry) override {
    EXPECT_TRUE(!entry.hop || neighbours.contains(*entry.hop));
    return note("route", [&] { routes[number] = entry; });
  }
  Result<void> write_neighbour(ShortId number, NeighbourEntry const& entry) override {
    return note("neighbour", [&] { neighbours[number] = entry; });
  }
  Result<void> write_head(ShortId source, std::uint16_t element) override {
    return note("head", [&] {
      for (auto const old : chain(heads[source])) used.erase(old);
      heads[source] = element;
      for (auto const taken : chain(element)) EXPECT_TRUE(used.insert(taken).second) << "in two lists";
      for (auto const neighbour : flood(source)) EXPECT_TRUE(neighbours.contains(neighbour));
    });
  }
  Result<void> write_list(std::uint16_t element, ListElement const& list) override {
    EXPECT_GT(element, 0);
    EXPECT_LT(element, WEAVE_LIST_ELEMENTS);
    EXPECT_FALSE(used.contains(element)) << "a list in use is never changed";
    EXPECT_LE(list.ids.size(), std::size_t{WEAVE_LIST_IDS});
    return note("list", [&] { lists[element] = list; });
  }

  [[nodiscard]] std::vector<std::uint16_t> chain(std::uint16_t head) const {
    std::vector<std::uint16_t> all;
    for (auto element = head; element != 0; element = lists.at(element).next) all.push_back(element);
    return all;
  }
  /// The list as a program reads it.
  [[nodiscard]] std::vector<ShortId> flood(ShortId source) const {
    std::vector<ShortId> all;
    auto const head = heads.find(source);
    if (head == heads.end()) return all;
    for (auto const element : chain(head->second)) {
      auto const& ids = lists.at(element).ids;
      all.insert(all.end(), ids.begin(), ids.end());
    }
    return all;
  }

  std::map<ShortId, RouteEntry> routes;
  std::map<ShortId, NeighbourEntry> neighbours;
  std::map<ShortId, std::uint16_t> heads;
  std::map<std::uint16_t, ListElement> lists;
  /// Elements that a head leads to.
  std::set<std::uint16_t> used;
  std::vector<std::string> log;
  /// Kinds of writes that fail.
  std::set<std::string> broken;

 private:
  Result<void> note(std::string const& kind, std::function<void()> const& write) {
    if (broken.contains(kind)) return failure(ErrorKind::system, "broken " + kind);
    write();
    log.push_back(kind);
    return {};
  }
};

void add(ForwardingState& state, unsigned number) {
  state.peers[id(number)] = name(number);
  state.neighbours[id(number)] = {
      .name = name(number),
      .carrier = Carrier::tunnel,
      .endpoints = {.local = Ipv4Address{1}, .remote = Ipv4Address{number}, .udp_port = 6784}};
  state.next_hops[id(number)] = id(number);
  state.floods[state.self_id].push_back(id(number));
}

/// We are 1 in a full mesh.
ForwardingState mesh(unsigned size) {
  ForwardingState state;
  state.self = name(1);
  state.self_id = id(1);
  state.peers[id(1)] = name(1);
  for (unsigned number = 2; number <= size; ++number) add(state, number);
  return state;
}

TEST(ForwardingTable, AStateBecomesEntries) {
  auto state = mesh(3);
  state.next_hops[id(3)] = id(2);
  state.neighbours[id(3)].carrier = Carrier::user;
  auto const entries = wanted_entries(state, device_of);
  EXPECT_EQ(entries.routes.at(id(1)), (RouteEntry{.known = true}));
  EXPECT_EQ(entries.routes.at(id(3)), (RouteEntry{.known = true, .hop = id(2)}));
  EXPECT_EQ(entries.neighbours.at(id(2)),
            (NeighbourEntry{.remote = 2, .local = 1, .ifindex = 9, .carrier = Carrier::tunnel}));
  EXPECT_EQ(entries.neighbours.at(id(3)).carrier, Carrier::user);
  EXPECT_EQ(entries.floods.at(id(1)), (std::vector{id(2), id(3)}));
}

TEST(ForwardingTable, ATunnelWithoutDeviceCarriesNothing) {
  auto state = mesh(2);
  state.neighbours[id(2)].endpoints.udp_port = 7001;
  EXPECT_EQ(wanted_entries(state, device_of).neighbours.at(id(2)).carrier, Carrier::none);
}

TEST(ForwardingTable, AJoinInAMeshOfThirtyWritesOnlyItsEntries) {
  FakeMaps maps;
  ForwardingTable table{maps};
  ASSERT_TRUE(table.bring_to(wanted_entries(mesh(30), device_of)));
  maps.log.clear();
  ASSERT_TRUE(table.bring_to(wanted_entries(mesh(31), device_of)));
  EXPECT_EQ(maps.log, (std::vector<std::string>{"neighbour", "route", "list", "head"}));
  EXPECT_EQ(maps.flood(id(1)).size(), 30U);
  maps.log.clear();
  ASSERT_TRUE(table.bring_to(wanted_entries(mesh(31), device_of)));
  EXPECT_TRUE(maps.log.empty());
}

TEST(ForwardingTable, AChangeOfCarrierIsOneWrite) {
  FakeMaps maps;
  ForwardingTable table{maps};
  auto state = mesh(30);
  ASSERT_TRUE(table.bring_to(wanted_entries(state, device_of)));
  maps.log.clear();
  for (auto const carrier : {Carrier::user, Carrier::none, Carrier::tunnel}) {
    state.neighbours[id(7)].carrier = carrier;
    ASSERT_TRUE(table.bring_to(wanted_entries(state, device_of)));
    EXPECT_EQ(maps.log, std::vector<std::string>{"neighbour"});
    EXPECT_EQ(maps.neighbours[id(7)].carrier, carrier);
    maps.log.clear();
  }
}

TEST(ForwardingTable, APeerThatGoesLeavesNothing) {
  FakeMaps maps;
  ForwardingTable table{maps};
  ASSERT_TRUE(table.bring_to(wanted_entries(mesh(3), device_of)));
  ASSERT_TRUE(table.bring_to(wanted_entries(mesh(2), device_of)));
  EXPECT_EQ(maps.routes[id(3)], RouteEntry{});
  EXPECT_EQ(maps.neighbours[id(3)], NeighbourEntry{});
  EXPECT_EQ(maps.flood(id(1)), std::vector{id(2)});
  ASSERT_TRUE(table.bring_to({}));
  EXPECT_TRUE(maps.used.empty());
  EXPECT_EQ(table.installed(), ForwardingEntries{});
}

TEST(ForwardingTable, LongListsAreChained) {
  FakeMaps maps;
  ForwardingTable table{maps};
  for (unsigned const size : {2U, 129U, 130U, 600U, 4095U, 3U}) {
    auto const wanted = wanted_entries(mesh(size), device_of);
    ASSERT_TRUE(table.bring_to(wanted));
    EXPECT_EQ(maps.flood(id(1)), wanted.floods.at(id(1)));
    EXPECT_EQ(maps.used.size(), (size - 1 + WEAVE_LIST_IDS - 1) / WEAVE_LIST_IDS);
  }
}

TEST(ForwardingTable, ElementsAreUsedAgainLate) {
  FakeMaps maps;
  ForwardingTable table{maps};
  std::set<std::uint16_t> seen;
  for (unsigned round = 0; round < 1000; ++round) {
    ASSERT_TRUE(table.bring_to(wanted_entries(mesh(2 + round % 2), device_of)));
    EXPECT_TRUE(seen.insert(maps.heads[id(1)]).second) << round;
  }
  // Many more than there are elements: none is lost.
  for (unsigned round = 0; round < 3 * WEAVE_LIST_ELEMENTS; ++round) {
    ASSERT_TRUE(table.bring_to(wanted_entries(mesh(2 + round % 2), device_of)));
  }
}

TEST(ForwardingTable, WhenThereIsNoRoomItSaysSoAndKeepsTheRest) {
  FakeMaps maps;
  ForwardingTable table{maps};
  // A star of very many: each source needs a list of its own.
  auto state = mesh(4000);
  for (unsigned source = 2; source <= 300; ++source) state.floods[id(source)] = state.floods[id(1)];
  auto const done = table.bring_to(wanted_entries(state, device_of));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind(), ErrorKind::out_of_range);
  EXPECT_EQ(maps.flood(id(1)).size(), 3999U);
  ASSERT_TRUE(table.bring_to(wanted_entries(mesh(4000), device_of)));
}

TEST(ForwardingTable, WhatFailedIsWrittenTheNextTime) {
  for (std::string const kind : {"neighbour", "route", "list", "head"}) {
    FakeMaps maps;
    ForwardingTable table{maps};
    ASSERT_TRUE(table.bring_to(wanted_entries(mesh(2), device_of)));
    maps.broken.insert(kind);
    auto state = mesh(2);
    add(state, 3);
    state.neighbours[id(2)].carrier = Carrier::user;
    if (kind == "neighbour") state.floods = mesh(2).floods;
    if (kind == "neighbour") state.next_hops = mesh(2).next_hops;
    EXPECT_FALSE(table.bring_to(wanted_entries(state, device_of))) << kind;
    maps.broken.clear();
    ASSERT_TRUE(table.bring_to(wanted_entries(state, device_of))) << kind;
    EXPECT_EQ(maps.neighbours[id(2)].carrier, Carrier::user);
    EXPECT_EQ(maps.neighbours[id(3)].carrier, Carrier::tunnel);
    EXPECT_EQ(maps.flood(id(1)), state.floods[id(1)]);
  }
}

/// What a process with this state left.
InstalledTable left_by(ForwardingState const& state, FakeMaps& maps) {
  ForwardingTable table{maps};
  EXPECT_TRUE(table.bring_to(wanted_entries(state, device_of)));
  InstalledTable installed{.entries = table.installed(), .chains = {}};
  for (auto const& [source, head] : maps.heads) installed.chains[source] = maps.chain(head);
  maps.log.clear();
  return installed;
}

TEST(ForwardingTable, AnAdoptedTableThatIsRightIsNotTouched) {
  FakeMaps maps;
  ForwardingTable table{maps, left_by(mesh(300), maps)};
  ASSERT_TRUE(table.bring_to(wanted_entries(mesh(300), device_of)));
  EXPECT_TRUE(maps.log.empty());
  ASSERT_TRUE(table.bring_to(wanted_entries(mesh(301), device_of)));
  EXPECT_EQ(maps.flood(id(1)).size(), 300U);
}

TEST(ForwardingTable, WhileTheMeshSettlesWhatIsThereForOthersStays) {
  FakeMaps maps;
  auto before = mesh(4);
  before.next_hops[id(4)] = id(3);
  before.floods[id(1)] = {id(2), id(3)};
  before.floods[id(2)] = {id(3)};
  ForwardingTable table{maps, left_by(before, maps)};
  // 2 is there again, and has told of 3, which has no route yet. Of 4 nobody has heard.
  auto state = mesh(2);
  state.peers[id(3)] = name(3);
  state.neighbours[id(3)] = {.name = name(3), .carrier = Carrier::none, .endpoints = {}};
  state.settling = true;
  auto wanted = wanted_entries(state, device_of);
  keep_unmet(wanted, table.installed(), state);
  ASSERT_TRUE(table.bring_to(wanted));
  EXPECT_TRUE(maps.log.empty());
  EXPECT_EQ(maps.flood(id(1)), (std::vector{id(2), id(3)}));
  EXPECT_EQ(maps.routes[id(4)].hop, id(3));
  EXPECT_EQ(maps.neighbours[id(3)].carrier, Carrier::tunnel);

  // 3 is reached through 2 from now on.
  state.next_hops[id(3)] = id(2);
  wanted = wanted_entries(state, device_of);
  keep_unmet(wanted, table.installed(), state);
  ASSERT_TRUE(table.bring_to(wanted));
  EXPECT_EQ(maps.routes[id(3)].hop, id(2));
  EXPECT_EQ(maps.flood(id(1)), std::vector{id(2)});

  state.settling = false;
  ASSERT_TRUE(table.bring_to(wanted_entries(state, device_of)));
  EXPECT_EQ(maps.routes[id(4)], RouteEntry{});
  EXPECT_TRUE(maps.flood(id(2)).empty());
}

} // namespace
} // namespace weave::datapath::bpf
