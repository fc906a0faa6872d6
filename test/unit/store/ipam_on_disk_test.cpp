#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "controller/app/store_service.hpp"
#include "controller/ipam/allocator.hpp"
#include "test/fakes/faulty_disk.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/fixtures/temporary_directory.hpp"

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
  [[nodiscard]] std::string file(std::string const& name) const { return directory.file(name); }

  // In memory where that can be had: the kernel outlives the process, and waiting for the disk would only take time.
  test::TemporaryDirectory directory{fs::is_directory("/dev/shm") ? fs::path{"/dev/shm"} : fs::temp_directory_path()};
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

/// Power goes at every step of the disk, and what the disk had not been told to keep may be there in parts.
TEST_F(IpamOnDisk, an_answered_allocation_survives_a_power_loss_at_any_step) {
  SeededRandom random{7};
  for (std::uint64_t step = 1;; ++step) {
    test::FaultyDisk disk;
    std::map<std::string, std::string> answered;
    std::uint64_t last = 0;
    {
      Daemon running{file("state.db")};
      last = disk.steps() + step;
      disk.lose_power_at(last);
      for (int i = 0; i < 8; ++i) {
        auto const id = "c" + std::to_string(i);
        if (auto const text = running.allocate(id); Ipv4Cidr::parse(text)) answered[id] = text;
        if (i == 4 && running.allocator->release_all("c2")) answered.erase("c2");
      }
    }
    if (disk.steps() < last) {
      EXPECT_EQ(answered.size(), 7U);
      break;
    }
    disk.restore_power(test::FaultyDisk::Survives::anything, random);
    Daemon restarted{file("state.db")};
    for (auto const& [id, cidr] : answered) {
      auto const* const owned = restarted.allocator->owned().find(id);
      if (owned == nullptr && id == "c2") continue; // its release was under way
      ASSERT_NE(owned, nullptr) << id << " of step " << step;
      EXPECT_EQ(owned->cidrs.at(0).to_string(), cidr);
    }
    auto const fresh = restarted.allocate("fresh");
    for (auto const& [id, cidr] : answered) EXPECT_NE(fresh, cidr) << id << " of step " << step;
  }
}

TEST_F(IpamOnDisk, a_full_disk_refuses_allocations_until_there_is_room_again) {
  test::FaultyDisk disk;
  Daemon running{file("state.db")};
  EXPECT_EQ(running.allocate("c1"), "10.32.0.1/24");
  disk.set_capacity(disk.used());
  auto const refused = running.allocate("c2");
  EXPECT_TRUE(refused.ends_with("state file " + file("state.db") + ": no space is left on its disk; make room there"))
      << refused;
  EXPECT_EQ(running.allocator->owned().find("c2"), nullptr);
  disk.set_capacity(std::nullopt);
  EXPECT_EQ(running.allocate("c2"), "10.32.0.2/24");
}

TEST_F(IpamOnDisk, a_daemon_started_on_a_full_disk_knows_what_is_held_and_goes_on_when_there_is_room) {
  test::FaultyDisk disk;
  {
    Daemon before{file("state.db")};
    EXPECT_EQ(before.allocate("c1"), "10.32.0.1/24");
  }
  disk.set_capacity(0);
  Daemon running{file("state.db")};
  ASSERT_NE(running.allocator->owned().find("c1"), nullptr);
  EXPECT_TRUE(running.allocate("c2").ends_with(": no space is left on its disk; make room there"));
  disk.set_capacity(std::nullopt);
  EXPECT_EQ(running.allocate("c2"), "10.32.0.2/24");
}

/// What the daemon in another process says and then, perhaps, does not live to do.
class Story {
 public:
  /// Never returns.
  [[noreturn]] static void tell(std::string const& file, int round, int to) {
    Daemon daemon{file};
    for (int i = 0;; ++i) {
      auto const id = "c" + std::to_string(round) + "-" + std::to_string(i);
      auto const answer = daemon.allocate(id);
      if (answer.empty()) ::pause(); // all addresses are given out, and nobody has killed us yet
      say(to, "+ " + id + " " + answer);
      if (i % 2 == 0) continue;
      say(to, "? " + id);
      if (daemon.allocator->release_all(id)) say(to, "- " + id);
    }
  }
  void hear(std::string const& line) {
    auto const id = line.substr(2, line.find(' ', 2) - 2);
    leaving_.clear();
    if (line[0] == '+') {
      holds_[id] = line.substr(3 + id.size());
    } else if (line[0] == '-') {
      holds_.erase(id);
    } else {
      leaving_ = id;
    }
  }
  /// Compares with what a new daemon knows, lets it release all, and forgets.
  void check(std::string const& file) {
    Daemon daemon{file};
    auto const known = daemon.allocator->owned().all();
    for (auto const& [id, cidr] : holds_) {
      auto const at = known.find(id);
      if (at == known.end()) {
        EXPECT_EQ(id, leaving_) << "lost, of " << cidr;
      } else {
        EXPECT_EQ(at->second.cidrs.at(0).to_string(), cidr);
      }
    }
    // One more may have been under way.
    EXPECT_LE(known.size(), holds_.size() + 1);
    for (auto const& [id, owned] : known) EXPECT_TRUE(daemon.allocator->release_all(id));
    holds_.clear();
    leaving_.clear();
  }

 private:
  static void say(int to, std::string line) {
    line += '\n';
    if (::write(to, line.data(), line.size()) < 0) ::_exit(1);
  }

  std::map<std::string, std::string> holds_;
  std::string leaving_;
};

TEST_F(IpamOnDisk, a_daemon_killed_at_any_moment_has_what_it_answered) {
  SeededRandom random{9};
  Story story;
  for (int round = 0; round < 200 && !HasFailure(); ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    auto const child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) Story::tell(file("state.db"), round, ends[1]);
    ::close(ends[1]);
    auto const input = std::unique_ptr<FILE, int (*)(FILE*)>{::fdopen(ends[0], "r"), ::fclose};
    // After some answers and a random part of what follows.
    auto until_kill = 1 + random.below(12);
    std::array<char, 256> line;
    while (std::fgets(line.data(), static_cast<int>(line.size()), input.get()) != nullptr) {
      std::string text = line.data();
      ASSERT_TRUE(text.ends_with('\n')) << text;
      text.pop_back();
      story.hear(text);
      if (until_kill == 0 || --until_kill > 0) continue;
      ::usleep(static_cast<useconds_t>(random.below(2000)));
      ::kill(child, SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
    story.check(file("state.db"));
  }
}

} // namespace
} // namespace weave::controller
