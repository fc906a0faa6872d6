// Allocation of addresses: with and without the disk, with few and with many addresses held.
//   bench-ipam [directory on the disk to measure]

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include "base/random.hpp"
#include "base/unique_fd.hpp"
#include "controller/app/store_service.hpp"
#include "controller/ipam/allocator.hpp"
#include "test/bench/figures.hpp"
#include "test/unit/ipam/allocator_fakes.hpp"

namespace weave::bench {
namespace {

using namespace controller::ipam;

constexpr int kRounds = 9;
constexpr int kFew = 100;
constexpr int kMany = 100'000;

/// One host that owns everything and holds `held` addresses.
class Host {
 public:
  Host(IpamStore& store, int held) {
    AllocatorConfig config;
    config.self = PeerName{0x010101010101};
    config.nickname = "host";
    config.uid = PeerUid{1};
    config.universe = *Ipv4Cidr::parse("10.32.0.0/12");
    config.default_subnet = config.universe;
    config.quorum = [] { return 1U; };
    mesh_.everybody_known = true;
    allocator_ = std::make_unique<Allocator>(config, AllocatorPorts{scheduler_, random_, mesh_, store, Logger{}});
    allocator_->attach(channel_);
    if (!allocator_->restore()) std::abort();
    allocator_->start();
    allocate("first");
    release("first");
    std::vector<ReclaimedAddress> addresses;
    for (int i = 0; i < held; ++i) {
      addresses.push_back({.id = "c" + std::to_string(i),
                           .cidr = {Ipv4Address{0x0a200010U + static_cast<std::uint32_t>(i)}, 12},
                           .is_container = true});
    }
    allocator_->reclaim(addresses);
  }

  /// The median of several rounds, in microseconds; the releases in between are not counted.
  [[nodiscard]] double measure(int count) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> rounds;
    for (int round = 0; round < kRounds; ++round) {
      double total = 0;
      for (int i = 0; i < count; ++i) {
        auto const start = Clock::now();
        allocate("measured");
        total += std::chrono::duration<double, std::micro>(Clock::now() - start).count();
        release("measured");
      }
      rounds.push_back(total / count);
    }
    return median(std::move(rounds));
  }

 private:
  void allocate(std::string const& id) {
    bool done = false;
    (void)allocator_->allocate({.id = id,
                                .subnet = *Ipv4Cidr::parse("10.32.0.0/12"),
                                .is_container = true,
                                .deadline = std::chrono::seconds{5}},
                               [&](Result<Ipv4Cidr> const& result) { done = result.has_value(); });
    scheduler_.settle();
    if (!done) std::abort();
  }
  void release(std::string const& id) {
    if (!allocator_->release_all(id)) std::abort();
    scheduler_.settle();
    channel_.sent.clear();
  }

  test::VirtualScheduler scheduler_;
  SeededRandom random_{1};
  test::FakeMeshView mesh_;
  test::RecordingChannel channel_;
  std::unique_ptr<Allocator> allocator_;
};

/// The least a durable change can cost on this disk: one page written and flushed, without any file system work.
[[nodiscard]] double bare_write(std::filesystem::path const& directory) {
  auto const file = directory / "bare";
  UniqueFd const fd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  std::vector<char> const page(4096, 'x');
  auto const write_page = [&] {
    if (::pwrite(fd.get(), page.data(), page.size(), 0) < 0 || ::fdatasync(fd.get()) != 0) std::abort();
  };
  write_page();
  return microseconds(kRounds, 20, write_page);
}

[[nodiscard]] double on_disk(std::filesystem::path const& directory, int held) {
  auto const store = controller::StoreService::open(directory / (std::to_string(held) + ".db"));
  if (!store) std::abort();
  return Host{(*store)->ipam(), held}.measure(20);
}

} // namespace
} // namespace weave::bench

int main(int argc, char** argv) {
  using namespace weave::bench;
  std::string base = argc > 1 ? argv[1] : "/var/tmp";
  base += "/weave-bench-XXXXXX";
  if (::mkdtemp(base.data()) == nullptr) return 77;
  weave::test::MemoryIpamStore few_store;
  weave::test::MemoryIpamStore many_store;
  auto const few = Host{few_store, kFew}.measure(200);
  auto const many = Host{many_store, kMany}.measure(200);
  auto const bare = bare_write(base);
  auto const few_disk = on_disk(base, kFew);
  auto const many_disk = on_disk(base, kMany);
  std::filesystem::remove_all(base);
  print({"allocate in memory, 100 held", few, "us", "100000 held", many, "<= 50 us"});
  print({"allocate in memory, 100000 held", many, "us", "100 held", few, "<= 1 x"});
  print({"allocate on disk, 100 held", few_disk, "us", "a page written and flushed", bare, "<= 5000 us"});
  print({"allocate on disk, 100000 held", many_disk, "us", "100 held", few_disk, "<= 1 x"});
  return 0;
}
