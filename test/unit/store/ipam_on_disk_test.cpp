#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "controller/app/store_service.hpp"
#include "controller/ipam/allocator.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::controller {
namespace {

namespace fs = std::filesystem;

struct NoMesh final : ipam::MeshView {
  [[nodiscard]] bool is_known(PeerName) const override { return true; }
  [[nodiscard]] std::optional<std::string> nickname(PeerName) const override { return std::nullopt; }
  [[nodiscard]] std::vector<PeerName> reachable_peers() const override { return {}; }
  [[nodiscard]] std::string initial_peers() const override { return {}; }
};

/// An allocator over a real state file.
struct Daemon {
  explicit Daemon(std::string const& file) : store{StoreService::open(file).value()} {
    ipam::AllocatorConfig config;
    config.self = PeerName{1};
    config.nickname = "one";
    config.universe = config.default_subnet = Ipv4Cidr::parse("10.32.0.0/24").value();
    config.quorum = [] { return 1U; };
    allocator = std::make_unique<ipam::Allocator>(
        config, ipam::AllocatorPorts{scheduler, random, mesh, store->ipam(), Logger{}});
    EXPECT_TRUE(allocator->restore());
  }

  std::string allocate(std::string id) {
    std::string text;
    allocator->allocate({std::move(id), allocator->default_subnet(), true, std::nullopt},
                        [&](Result<Ipv4Cidr> result) { text = result ? result->to_string() : result.error().text(); });
    scheduler.settle();
    return text;
  }

  test::VirtualScheduler scheduler;
  SeededRandom random{3};
  NoMesh mesh;
  std::unique_ptr<StoreService> store;
  std::unique_ptr<ipam::Allocator> allocator;
};

class IpamOnDisk : public testing::Test {
 protected:
  IpamOnDisk() {
    std::string pattern = (fs::temp_directory_path() / "weave-ipam-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    directory = pattern;
  }
  ~IpamOnDisk() override { fs::remove_all(directory); }
  [[nodiscard]] std::string file(std::string const& name) const { return (directory / name).string(); }

  fs::path directory;
};

TEST_F(IpamOnDisk, no_address_is_given_out_twice_across_restarts) {
  {
    Daemon first{file("state.db")};
    EXPECT_EQ(first.allocate("c1"), "10.32.0.1/24");
    EXPECT_EQ(first.allocate("c2"), "10.32.0.2/24");
    EXPECT_TRUE(first.allocator->release_all("c1"));
  }
  Daemon second{file("state.db")};
  EXPECT_EQ(second.allocate("c2"), "10.32.0.2/24");
  EXPECT_EQ(second.allocate("c3"), "10.32.0.1/24");
  EXPECT_EQ(second.allocate("c4"), "10.32.0.3/24");
}

TEST_F(IpamOnDisk, a_crash_after_any_answer_loses_nothing) {
  Daemon running{file("state.db")};
  for (int i = 1; i <= 20; ++i) {
    auto const id = "c" + std::to_string(i);
    auto const address = running.allocate(id);
    fs::copy_file(file("state.db"), file("crash.db"), fs::copy_options::overwrite_existing);
    fs::copy_file(file("state.db-wal"), file("crash.db-wal"), fs::copy_options::overwrite_existing);
    Daemon after_crash{file("crash.db")};
    EXPECT_EQ(after_crash.allocator->gossip_state().ring, running.allocator->gossip_state().ring);
    EXPECT_EQ(after_crash.allocator->owned().all(), running.allocator->owned().all());
    EXPECT_NE(after_crash.allocate("other"), address);
    EXPECT_EQ(after_crash.allocate(id), address);
  }
}

} // namespace
} // namespace weave::controller
