#include "controller/store/state_store.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "controller/store/stored_targets.hpp"
#include "test/fixtures/temporary_directory.hpp"

namespace weave::controller::store {
namespace {

namespace fs = std::filesystem;

class StateStoreTest : public testing::Test {
 protected:
  [[nodiscard]] std::string file(std::string const& name = "state.db") const { return (directory / name).string(); }
  [[nodiscard]] std::unique_ptr<StateStore> open() const {
    auto store = StateStore::open(file());
    EXPECT_TRUE(store) << store.error().text();
    return store ? *std::move(store) : nullptr;
  }
  /// What a power cut would leave: the files as they are, with the daemon still holding them open. The log may be cut
  /// short anywhere, as it is what was being written.
  [[nodiscard]] std::string crash_copy(std::string const& name, std::uintmax_t cut = 0) const {
    auto const to = directory / name;
    fs::copy_file(file(), to, fs::copy_options::overwrite_existing);
    fs::copy_file(file() + "-wal", to.string() + "-wal", fs::copy_options::overwrite_existing);
    auto const size = fs::file_size(to.string() + "-wal");
    fs::resize_file(to.string() + "-wal", size - std::min(cut, size));
    return to.string();
  }

  test::TemporaryDirectory own;
  fs::path directory = own.path();
};

TEST_F(StateStoreTest, starts_empty) {
  auto const store = open();
  EXPECT_EQ(store->peer_name().value(), std::nullopt);
  EXPECT_TRUE(store->load_ipam().value().state.empty());
  EXPECT_TRUE(store->targets().value().empty());
  EXPECT_FALSE(store->restart_mark().value());
  EXPECT_EQ(store->universe().value(), std::nullopt);
  EXPECT_TRUE(store->list(StateStore::Table::networks).value().empty());
}

TEST_F(StateStoreTest, tells_its_targets_while_no_daemon_runs) {
  EXPECT_EQ(stored_targets(file()).error().kind(), ErrorKind::not_found);
  auto const store = open();
  ASSERT_TRUE(store->set_targets({"b.example:6783", "a.example"}));
  auto const crashed = crash_copy("crashed.db");
  auto const before = fs::file_size(crashed + "-wal");
  EXPECT_EQ(stored_targets(crashed).value(), (std::vector<std::string>{"b.example:6783", "a.example"}));
  EXPECT_EQ(fs::file_size(crashed + "-wal"), before) << "left as it was";
  std::ofstream{file("bad.db")} << "this is no database, and long enough for one";
  auto const bad = stored_targets(file("bad.db"));
  ASSERT_FALSE(bad);
  EXPECT_TRUE(bad.error().text().starts_with("state file " + file("bad.db") + " ")) << bad.error().text();
}

TEST_F(StateStoreTest, tells_its_peer_name_while_a_daemon_runs) {
  EXPECT_EQ(stored_peer_name(file()).error().kind(), ErrorKind::not_found);
  auto const store = open();
  EXPECT_EQ(stored_peer_name(file()).value(), std::nullopt);
  ASSERT_TRUE(store->set_peer_name(PeerName{7}));
  EXPECT_EQ(stored_peer_name(file()).value(), PeerName{7});
}

TEST_F(StateStoreTest, remembers_everything) {
  auto const name = PeerName::parse("7a:3a:5c:00:00:01").value();
  auto const universe = Ipv4Cidr::parse("10.32.0.0/12").value();
  Bytes const state{1, 0, 255, 0};
  {
    auto const store = open();
    ASSERT_TRUE(store->set_peer_name(name));
    ASSERT_TRUE(store->set_universe(universe));
    ASSERT_TRUE(store->set_targets({"b.example:6783", "a.example"}));
    ASSERT_TRUE(store->set_restart_mark(true));
    ASSERT_TRUE(store->save_ipam(state, {{"c1", "one"}, {"c2", "two"}}));
    ASSERT_TRUE(store->save_ipam(std::nullopt, {{"c1", std::nullopt}, {"c3", "three"}, {"gone", std::nullopt}}));
    ASSERT_TRUE(store->put(StateStore::Table::networks, "n1", "{\"a\":1}"));
    ASSERT_TRUE(store->put(StateStore::Table::networks, "n1", "{\"a\":2}"));
    ASSERT_TRUE(store->put(StateStore::Table::endpoints, "e1", ""));
    ASSERT_TRUE(store->set_setting("colour", "blue"));
  }
  auto const store = open();
  EXPECT_EQ(store->peer_name().value(), name);
  EXPECT_EQ(store->universe().value(), universe);
  EXPECT_EQ(store->targets().value(), (std::vector<std::string>{"b.example:6783", "a.example"}));
  EXPECT_TRUE(store->restart_mark().value());
  auto const ipam = store->load_ipam().value();
  EXPECT_EQ(ipam.state, state);
  EXPECT_EQ(ipam.owned, (std::vector<std::pair<std::string, std::string>>{{"c2", "two"}, {"c3", "three"}}));
  EXPECT_EQ(store->get(StateStore::Table::networks, "n1").value(), "{\"a\":2}");
  EXPECT_EQ(store->get(StateStore::Table::endpoints, "e1").value(), "");
  EXPECT_EQ(store->get(StateStore::Table::endpoints, "n1").value(), std::nullopt);
  EXPECT_EQ(store->setting("colour").value(), "blue");

  ASSERT_TRUE(store->erase(StateStore::Table::networks, "n1"));
  ASSERT_TRUE(store->erase(StateStore::Table::networks, "n1"));
  EXPECT_TRUE(store->list(StateStore::Table::networks).value().empty());
  ASSERT_TRUE(store->set_restart_mark(false));
  EXPECT_FALSE(store->restart_mark().value());
  ASSERT_TRUE(store->set_setting("colour", std::nullopt));
  EXPECT_EQ(store->setting("colour").value(), std::nullopt);
}

TEST_F(StateStoreTest, keeps_names) {
  {
    auto const store = open();
    ASSERT_TRUE(store->save_names({{"a", "present"}, {"b", "present"}}));
    ASSERT_TRUE(store->save_names({{"a", std::nullopt}, {"c", "absent"}}));
  }
  auto const rows = open()->load_names();
  ASSERT_TRUE(rows);
  EXPECT_EQ(*rows, (std::vector<std::pair<std::string, std::string>>{{"b", "present"}, {"c", "absent"}}));
}

TEST_F(StateStoreTest, is_readable_by_its_owner_only) {
  auto const store = open();
  struct stat status {};
  ASSERT_EQ(stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(StateStoreTest, belongs_to_one_user_at_a_time) {
  auto const store = open();
  auto const second = StateStore::open(file());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::unavailable);
  EXPECT_EQ(second.error().text(), "state file " + file() + " is in use by another process");
}

TEST_F(StateStoreTest, names_a_damaged_file) {
  std::ofstream{file()} << std::string(4096, 'x');
  auto const garbage = StateStore::open(file());
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().kind(), ErrorKind::malformed);
  EXPECT_EQ(garbage.error().text(), "state file " + file() + " is damaged: file is not a database");
}

TEST_F(StateStoreTest, notices_a_torn_page) {
  {
    auto const store = open();
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(store->put(StateStore::Table::endpoints, std::to_string(i), std::string(300, 'j')));
    }
  }
  auto const size = fs::file_size(file());
  std::fstream bytes{file(), std::ios::in | std::ios::out | std::ios::binary};
  for (std::uintmax_t page = 4096; page < size; page += 4096) {
    bytes.seekp(static_cast<std::streamoff>(page));
    bytes << std::string(64, '\xff');
  }
  bytes.close();
  auto const torn = StateStore::open(file());
  ASSERT_FALSE(torn);
  EXPECT_EQ(torn.error().kind(), ErrorKind::malformed);
  EXPECT_TRUE(torn.error().text().starts_with("state file " + file() + " is damaged: ")) << torn.error().text();
}

TEST_F(StateStoreTest, leaves_files_of_newer_versions_and_of_others_alone) {
  { auto const store = open(); }
  {
    auto database = Database::open(file()).value();
    ASSERT_TRUE(database.run("PRAGMA user_version = 9"));
  }
  auto const newer = StateStore::open(file());
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().text(),
            "state file " + file() + " was written by a newer version (format 9, this program knows 1)");
  {
    auto database = Database::open(file("other.db")).value();
    ASSERT_TRUE(database.run("CREATE TABLE songs (title)"));
  }
  auto const other = StateStore::open(file("other.db"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().text(), "state file " + file("other.db") + " belongs to another program");
}

TEST_F(StateStoreTest, says_which_file_cannot_be_opened) {
  auto const missing = StateStore::open(file("no/such/state.db"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().text(), "state file " + file("no/such/state.db") + ": No such file or directory");
}

TEST_F(StateStoreTest, holds_all_or_nothing_after_a_crash_at_any_byte) {
  auto const store = open();
  ASSERT_TRUE(store->save_ipam(Bytes(100, 0), {{"c0", "0"}}));
  auto const before = fs::file_size(file() + "-wal");
  ASSERT_TRUE(store->save_ipam(Bytes(100, 1), {{"c0", std::nullopt}, {"c1", "1"}}));
  auto const written = fs::file_size(file() + "-wal") - before;
  ASSERT_GT(written, 0U);
  for (std::uintmax_t cut = 0; cut <= written; cut += 211) {
    auto const copy = crash_copy("crash.db", cut);
    {
      auto const reopened = StateStore::open(copy);
      ASSERT_TRUE(reopened) << cut << ": " << reopened.error().text();
      auto const ipam = (*reopened)->load_ipam().value();
      ASSERT_EQ(ipam.owned.size(), 1U) << cut;
      auto const version = cut == 0 ? 1 : 0;
      EXPECT_EQ(ipam.state, Bytes(100, static_cast<std::uint8_t>(version))) << cut;
      EXPECT_EQ(ipam.owned.front().first, version == 1 ? "c1" : "c0") << cut;
    }
  }
}

TEST_F(StateStoreTest, inherits_all_or_nothing_after_a_crash_at_any_byte) {
  auto const store = open();
  ASSERT_TRUE(store->set_targets({"before"}));
  auto const before = fs::file_size(file() + "-wal");
  StateStore::Inheritance const inheritance{
      .name = PeerName{7}, .ipam = StateStore::Ipam{Bytes(100, 1), {{"c1", "1"}, {"c2", "2"}}}, .targets = {"a", "b"}};
  ASSERT_TRUE(store->inherit(inheritance));
  auto const written = fs::file_size(file() + "-wal") - before;
  for (std::uintmax_t cut = 0; cut <= written; cut += 211) {
    auto const reopened = StateStore::open(crash_copy("crash.db", cut));
    ASSERT_TRUE(reopened) << cut << ": " << reopened.error().text();
    bool const whole = cut == 0;
    EXPECT_EQ((*reopened)->peer_name().value(), whole ? std::optional{PeerName{7}} : std::nullopt) << cut;
    EXPECT_EQ((*reopened)->targets().value().size(), whole ? 2U : 1U) << cut;
    auto const ipam = (*reopened)->load_ipam().value();
    EXPECT_EQ(ipam.state.size(), whole ? 100U : 0U) << cut;
    EXPECT_EQ(ipam.owned.size(), whole ? 2U : 0U) << cut;
  }
}

TEST_F(StateStoreTest, inherits_nothing_when_a_part_fails) {
  { auto const store = open(); }
  {
    auto database = Database::open(file()).value();
    ASSERT_TRUE(
        database.run("CREATE TRIGGER full BEFORE INSERT ON owned WHEN NEW.key = 'c2' "
                     "BEGIN SELECT RAISE(ABORT, 'no room'); END"));
  }
  auto const store = open();
  auto const done = store->inherit(
      {.name = PeerName{7}, .ipam = StateStore::Ipam{Bytes(100, 1), {{"c1", "1"}, {"c2", "2"}}}, .targets = {"a"}});
  ASSERT_FALSE(done);
  EXPECT_EQ(store->peer_name().value(), std::nullopt);
  EXPECT_TRUE(store->targets().value().empty());
  EXPECT_TRUE(store->load_ipam().value().state.empty());
  EXPECT_TRUE(store->load_ipam().value().owned.empty());
}

TEST_F(StateStoreTest, has_on_disk_what_it_has_confirmed) {
  auto const store = open();
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(store->save_ipam(Bytes{static_cast<std::uint8_t>(i)}, {{"c" + std::to_string(i), "row"}}));
    auto const reopened = StateStore::open(crash_copy("crash.db"));
    ASSERT_TRUE(reopened) << reopened.error().text();
    auto const ipam = (*reopened)->load_ipam().value();
    ASSERT_EQ(ipam.state, Bytes{static_cast<std::uint8_t>(i)});
    ASSERT_EQ(ipam.owned.size(), static_cast<std::size_t>(i + 1));
  }
}

} // namespace
} // namespace weave::controller::store
