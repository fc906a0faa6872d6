#include "controller/app/original_import.hpp"

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "base/unique_fd.hpp"
#include "controller/ipam/persisted_state.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fixtures/temporary_directory.hpp"
#include "test/unit/bolt/bolt_vectors.hpp"

namespace weave::controller {
namespace {

namespace fs = std::filesystem;
using test::bolt_file;

auto const kName = PeerName::parse("7a:3a:5c:00:00:01").value();
auto const kRange = Ipv4Cidr::parse("10.32.0.0/12").value().range();

class OriginalImport : public testing::Test {
 protected:
  OriginalImport() {
    settings.state_dir = directory / "state";
    settings.universe = kRange;
    fs::create_directories(settings.state_dir);
    store = StoreService::open(directory / "state.db").value();
  }

  fs::path put(fs::path const& name, Bytes const& content) const {
    auto const path = directory / name;
    fs::create_directories(path.parent_path());
    std::ofstream{path, std::ios::binary} << as_text(content);
    return path;
  }
  bool import() {
    auto const done = import_original(settings, *store, Logger{log});
    EXPECT_TRUE(done) << done.error().text();
    return done.value_or(false);
  }
  std::string refusal() {
    auto const done = import_original(settings, *store, Logger{log});
    if (done) return "none";
    EXPECT_EQ(store->peer_name(), std::nullopt);
    return done.error().text();
  }
  [[nodiscard]] ipam::StoredIpam stored() const { return store->ipam().load().value(); }

  test::TemporaryDirectory own;
  fs::path directory = own.path();
  ImportSettings settings;
  std::unique_ptr<StoreService> store;
  std::shared_ptr<test::LogRecorder> log = std::make_shared<test::LogRecorder>();
};

TEST_F(OriginalImport, takes_over_everything_from_a_named_file) {
  settings.file = put("elsewhere/weavedata.db", bolt_file("typical"));
  ASSERT_TRUE(import());
  EXPECT_EQ(store->peer_name(), kName);
  EXPECT_EQ(store->targets(), (std::vector<std::string>{"192.168.1.2", "host3.example:6783"}));
  auto const rows = stored();
  auto const persisted = ipam::decode_persisted(rows.state).value();
  EXPECT_EQ(persisted.self, kName);
  EXPECT_EQ(persisted.universe, kRange);
  ASSERT_TRUE(persisted.state.ring);
  EXPECT_EQ(persisted.state.ring->tokens.size(), 2U);
  EXPECT_EQ(rows.owned.size(), 2U);
  EXPECT_EQ(rows.owned.back(),
            (std::pair<std::string, std::string>{"weave:expose", R"({"container":false,"addrs":["10.40.0.0/12"]})"}));
  EXPECT_EQ(log->count("importing peer name 7a:3a:5c:00:00:01 and 2 direct peers, a ring of 2 entries, 3 addresses of "
                       "2 owners"),
            1U);
  // It is all in the file.
  store.reset();
  store = StoreService::open(directory / "state.db").value();
  EXPECT_EQ(store->peer_name(), kName);
  EXPECT_EQ(stored().owned, rows.owned);
}

TEST_F(OriginalImport, happens_once) {
  settings.file = put("weavedata.db", bolt_file("typical"));
  ASSERT_TRUE(import());
  settings.file = put("weavedata.db", bolt_file("own_page"));
  EXPECT_FALSE(import());
  EXPECT_EQ(stored().owned.size(), 2U);
  EXPECT_EQ(log->count("this host has a ring of its own already"), 1U);
  fs::remove(settings.file);
  EXPECT_FALSE(import());
}

TEST_F(OriginalImport, of_a_named_file_is_possible_until_there_is_a_ring) {
  ASSERT_TRUE(store->set_peer_name(PeerName{5}));
  ipam::PersistedState const waiting{.self = PeerName{5}, .universe = kRange, .uid = 1, .state = {}};
  ASSERT_TRUE(store->ipam().save({.state = ipam::encode_persisted(waiting), .owned = {}}));
  settings.file = put("weavedata.db", bolt_file("typical"));
  EXPECT_TRUE(import());
  EXPECT_EQ(store->peer_name(), kName);
}

TEST_F(OriginalImport, finds_the_newest_in_the_known_places) {
  auto const older = put("state/weavedata.db", bolt_file("live_daemon"));
  put("root/var/lib/weave/weave-netdata.db", bolt_file("typical"));
  fs::last_write_time(older, fs::last_write_time(older) - std::chrono::hours{1});
  settings.host_root = directory / "root";
  ASSERT_TRUE(import());
  EXPECT_EQ(store->peer_name(), kName);
  EXPECT_EQ(log->count("Found the state of an original Weave Net: "), 2U);
}

TEST_F(OriginalImport, finds_the_volume_of_an_engine_that_does_not_answer) {
  put("var/lib/docker/volumes/v/_data/weavedata.db", bolt_file("typical"));
  auto const record = as_bytes(R"({"Name":"/weavedb","MountPoints":{"/weavedb":{"Name":"v"}}})");
  put("var/lib/docker/containers/c/config.v2.json", {record.begin(), record.end()});
  settings.host_root = directory;
  EXPECT_FALSE(import());
  settings.engine = "unix://" + (directory / "nobody.sock").string();
  ASSERT_TRUE(import());
  EXPECT_EQ(store->peer_name(), kName);
}

TEST_F(OriginalImport, looks_for_nothing_once_we_have_started) {
  put("state/weavedata.db", bolt_file("typical"));
  ASSERT_TRUE(store->set_peer_name(PeerName{5}));
  EXPECT_FALSE(import());
  EXPECT_TRUE(log->lines().empty());
}

TEST_F(OriginalImport, can_be_declined) {
  put("state/weavedata.db", Bytes(10, 1));
  settings.file = "none";
  EXPECT_FALSE(import());
}

TEST_F(OriginalImport, without_a_file_is_nothing) {
  EXPECT_FALSE(import());
  EXPECT_TRUE(log->lines().empty());
}

TEST_F(OriginalImport, takes_any_range_while_nothing_is_allocated) {
  settings.file = put("weavedata.db", bolt_file("typical"));
  settings.universe.reset();
  EXPECT_TRUE(import());
  EXPECT_FALSE(stored().state.empty());
}

TEST_F(OriginalImport, takes_the_name_of_one_that_never_had_a_ring) {
  settings.file = put("weavedata.db", bolt_file("fresh_start"));
  EXPECT_TRUE(import());
  EXPECT_EQ(store->peer_name(), kName);
  EXPECT_TRUE(stored().state.empty());
  EXPECT_EQ(log->count("No valid persisted data"), 1U);
}

constexpr auto kWayOut =
    " It may be the only record of which addresses are in use on this host; to start without it, with new addresses, "
    "use --import none";

TEST_F(OriginalImport, refuses_data_of_another_peer) {
  settings.file = put("weavedata.db", bolt_file("typical"));
  settings.name = PeerName{9};
  EXPECT_EQ(refusal(), "cannot import " + settings.file +
                           ": persisted data are for peername 7a:3a:5c:00:00:01, our name is 00:00:00:00:00:09 by "
                           "--name." +
                           kWayOut);
  EXPECT_TRUE(stored().state.empty());
}

TEST_F(OriginalImport, believes_the_bridge_more_than_what_lies_about) {
  auto const path = put("state/weavedata.db", bolt_file("typical"));
  settings.bridge_name = PeerName{9};
  EXPECT_EQ(refusal(), "cannot import " + path.string() +
                           ": persisted data are for peername 7a:3a:5c:00:00:01, our name is 00:00:00:00:00:09 by the "
                           "bridge; if the file is right, name it with --import." +
                           kWayOut);
  settings.file = path;
  EXPECT_TRUE(import());
}

TEST_F(OriginalImport, refuses_data_of_another_range) {
  settings.file = put("weavedata.db", bolt_file("typical"));
  settings.universe = Ipv4Cidr::parse("10.2.0.0/16").value().range();
  EXPECT_EQ(refusal(), "cannot import " + settings.file +
                           ": persisted data are for IPAM range 10.32.0.0-10.47.255.255, our range is "
                           "10.2.0.0-10.2.255.255; launch with the --ipalloc-range that this host had before, as all "
                           "its peers do." +
                           kWayOut);
  EXPECT_TRUE(stored().state.empty());
}

TEST_F(OriginalImport, refuses_a_file_in_use) {
  auto const path = put("state/weavedata.db", bolt_file("typical"));
  UniqueFd const original{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
  ASSERT_EQ(::flock(original.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(refusal(), "cannot import " + path.string() +
                           ": it is in use by a running Weave Net, which must be stopped first ('docker stop weave')." +
                           kWayOut);
  ASSERT_EQ(::flock(original.get(), LOCK_UN), 0);
  EXPECT_TRUE(import());
}

TEST_F(OriginalImport, refuses_damage_wherever_the_file_came_from) {
  auto file = bolt_file("typical");
  file.resize(8192);
  auto const path = put("state/weave-netdata.db", file);
  auto const found = refusal();
  EXPECT_TRUE(found.starts_with("cannot import " + path.string() + ": page ")) << found;
  EXPECT_TRUE(found.ends_with(kWayOut)) << found;
  settings.file = path;
  EXPECT_EQ(refusal(), found);
}

TEST_F(OriginalImport, refuses_what_is_no_file) {
  settings.file = directory / "missing.db";
  EXPECT_EQ(refusal(), "cannot import " + settings.file + ": No such file or directory.");
  settings.file = directory;
  EXPECT_EQ(refusal(), "cannot import " + settings.file + ": it is not a file." + kWayOut);
  settings.file = directory / "pipe";
  ASSERT_EQ(::mkfifo(settings.file.c_str(), 0600), 0);
  EXPECT_EQ(refusal(), "cannot import " + settings.file + ": it is not a file." + kWayOut);
  settings.file = put("huge.db", {});
  fs::resize_file(settings.file, 300ULL << 20);
  EXPECT_EQ(refusal(), "cannot import " + settings.file + ": it is too large to be Weave Net's." + kWayOut);
}

} // namespace
} // namespace weave::controller
