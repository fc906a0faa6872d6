#include <gtest/gtest.h>

#include "test/unit/dns_names/name_vectors.hpp"
#include "test/unit/dns_names/registry_fakes.hpp"

namespace weave::controller::dns {
namespace {

using namespace weave::test;

PeerName const kUs{0x7a3a'5c00'0001};
Ipv4Address const kOne{0x0a20'0001};
Ipv4Address const kTwo{0x0a20'0002};

std::size_t live(RegistryRig const& rig) { return rig.gossiper->table().live_count(); }

TEST(NameRegistry, vectors_of_local_operations) {
  RegistryRig rig{kUs, {PeerName::parse("00:00:aa:bb:cc:02").value()}};
  for (auto const& value : dns_file().document().at("local_ops").as_array()) {
    auto const& step = value.as_object();
    SCOPED_TRACE(text_of(step.at("name")));
    rig.set_unix_time(number_of(step.at("t")));
    rig.channel.broadcasts.clear();
    auto const operation = text_of(step.at("op"));
    auto const given = [&step](char const* key) -> std::optional<std::string> {
      auto const text = text_of(step.at(key));
      return text == "*" ? std::nullopt : std::optional{text};
    };
    if (operation == "add_fqdn") {
      (void)rig.registry.add(text_of(step.at("container")), text_of(step.at("fqdn")), address_of(step.at("addr")));
    } else if (operation == "delete") {
      auto const address = given("addr");
      (void)rig.registry.remove(
          {.container_id = given("container"),
           .address = address ? std::optional{Ipv4Address::parse(*address).value()} : std::nullopt,
           .hostname = given("hostname")});
    } else if (operation == "container_died") {
      rig.registry.on_container_died(text_of(step.at("container")));
    } else {
      ASSERT_EQ(operation, "peer_gone");
      rig.gossiper->on_peer_gone(peer_of(step.at("peer")));
    }
    EXPECT_EQ(lines_of(rig.gossiper->table().entries()), lines_of(names_of(step.at("entries_after"))));
    auto const& told = step.at("broadcasts").as_array();
    ASSERT_EQ(rig.channel.broadcasts.size(), told.size());
    for (std::size_t i = 0; i < told.size(); ++i) {
      EXPECT_EQ(lines_of(rig.channel.broadcasts[i]), lines_of(message_of(told[i].at("data"))));
    }
    dns_file().covered("local_ops/" + text_of(step.at("name")));
  }
}

TEST(NameRegistry, ignores_names_that_nobody_could_ask_for) {
  RegistryRig rig{kUs};
  for (std::string const& name :
       {std::string{"a..weave.local"}, std::string{".weave.local"}, std::string(64, 'a') + ".weave.local",
        std::string{"a b.weave.local"}, std::string{"a\n.weave.local"}, std::string{"notweave.local"}, std::string{}}) {
    EXPECT_EQ(rig.registry.add("c1", name, kOne).value(), false) << name;
  }
  std::string long_name;
  while (long_name.size() < 250) long_name += "abcdefghi.";
  EXPECT_FALSE(rig.registry.add("c1", long_name + "weave.local.", kOne).value());
  EXPECT_EQ(live(rig), 0U);
  EXPECT_TRUE(rig.registry.add("c1", "A.Weave.LOCAL", kOne).value());
  EXPECT_EQ(rig.addresses("a.weave.local."), std::vector{kOne});
}

TEST(NameRegistry, keeps_what_people_added_across_restarts) {
  RegistryRig rig{kUs};
  auto const container = std::string(64, 'a');
  (void)rig.registry.add("weave:extern", "db.weave.local", kOne);
  (void)rig.registry.add("something else", "odd.weave.local", kOne);
  (void)rig.registry.add(container, "web.weave.local", kTwo);
  (void)rig.registry.add(container, "gone.weave.local", kTwo);
  (void)rig.registry.remove({.hostname = "gone.weave.local"});

  auto const next = RegistryRig::restarted(rig);
  EXPECT_EQ(next->addresses("db.weave.local."), std::vector{kOne});
  EXPECT_EQ(next->addresses("web.weave.local."), std::vector{kTwo});
  EXPECT_EQ(live(*next), 3U);
  // Docker then says that the container has died meanwhile.
  next->registry.keep_only_running({std::string(64, 'b')});
  EXPECT_EQ(next->addresses("db.weave.local."), std::vector{kOne});
  EXPECT_EQ(live(*next), 2U);
  EXPECT_EQ(next->store.rows.size(), 2U);
}

TEST(NameRegistry, follows_the_names_of_a_container) {
  RegistryRig rig{kUs};
  rig.registry.add_of_container("c1", "foo.weave.local", kOne);
  rig.registry.add_of_container("c1", "first.weave.local.", kOne);
  EXPECT_FALSE(rig.registry.add_of_container("c1", "a.example.com", kOne));
  (void)rig.registry.add("c1", "extra.weave.local", kTwo);
  EXPECT_EQ(rig.addresses("first.weave.local."), std::vector{kOne});
  EXPECT_EQ(live(rig), 3U);

  // The same again is no news.
  rig.channel.broadcasts.clear();
  rig.registry.add_of_container("c1", "foo.weave.local", kOne);
  EXPECT_TRUE(rig.channel.broadcasts.empty());

  rig.registry.remove_of_container("c1", "first.weave.local.", kOne);
  rig.registry.remove_of_container("c1", "extra.weave.local.", kTwo);
  EXPECT_TRUE(rig.addresses("first.weave.local.").empty());
  EXPECT_EQ(rig.addresses("extra.weave.local."), std::vector{kTwo});

  rig.registry.on_container_died("c1");
  EXPECT_EQ(live(rig), 0U);
  EXPECT_TRUE(rig.store.rows.empty());
  rig.registry.add_of_container("c1", "foo.weave.local", kOne);
  EXPECT_EQ(live(rig), 1U);
}

TEST(NameRegistry, does_not_bring_back_what_people_removed) {
  RegistryRig rig{kUs};
  rig.registry.add_of_container("c1", "foo.weave.local.", kOne);
  rig.registry.add_of_container("c1", "bar.weave.local.", kOne);
  EXPECT_EQ(rig.registry.remove({.container_id = "c1", .hostname = "foo.weave.local"}), 1U);
  rig.registry.add_of_container("c1", "foo.weave.local.", kOne);
  EXPECT_TRUE(rig.addresses("foo.weave.local.").empty());

  auto const next = RegistryRig::restarted(rig);
  next->registry.add_of_container("c1", "foo.weave.local.", kOne);
  next->registry.add_of_container("c1", "bar.weave.local.", kOne);
  EXPECT_TRUE(next->addresses("foo.weave.local.").empty());
  EXPECT_EQ(next->addresses("bar.weave.local."), std::vector{kOne});
  // Until they think better of it, or the container dies.
  (void)next->registry.add("c1", "foo.weave.local", kOne);
  EXPECT_EQ(next->addresses("foo.weave.local."), std::vector{kOne});
  rig.registry.on_container_died("c1");
  rig.registry.add_of_container("c1", "foo.weave.local.", kOne);
  EXPECT_EQ(rig.addresses("foo.weave.local."), std::vector{kOne});
}

TEST(NameRegistry, registers_even_what_cannot_be_stored) {
  RegistryRig rig{kUs};
  rig.store.failure_text = "disk full";
  auto const told = [&] { return rig.registry.add("c1", "foo.weave.local", kOne).error().text(); };
  EXPECT_EQ(told(), "in force now, but forgotten at the next start: disk full");
  EXPECT_EQ(told(), "in force now, but forgotten at the next start: disk full") << "also when asked again";
  EXPECT_EQ(rig.addresses("foo.weave.local."), std::vector{kOne});
  EXPECT_FALSE(rig.registry.remove({.hostname = "foo.weave.local"}));
  EXPECT_FALSE(rig.registry.remove({.hostname = "foo.weave.local"}));
  EXPECT_TRUE(rig.addresses("foo.weave.local.").empty());
  rig.store.failure_text.clear();
  EXPECT_TRUE(rig.registry.remove({.hostname = "foo.weave.local"}));
}

TEST(NameRegistry, what_could_not_be_stored_is_stored_with_the_next_change) {
  RegistryRig rig{kUs};
  (void)rig.registry.add("c1", "old.weave.local", kOne);
  rig.store.failure_text = "disk full";
  (void)rig.registry.add("c1", "foo.weave.local", kOne);
  (void)rig.registry.remove({.hostname = "old.weave.local"});
  rig.store.failure_text.clear();
  (void)rig.registry.add("c1", "bar.weave.local", kTwo);
  auto const next = RegistryRig::restarted(rig);
  EXPECT_EQ(next->addresses("foo.weave.local."), std::vector{kOne});
  EXPECT_EQ(next->addresses("bar.weave.local."), std::vector{kTwo});
  EXPECT_TRUE(next->addresses("old.weave.local.").empty());
}

} // namespace
} // namespace weave::controller::dns
