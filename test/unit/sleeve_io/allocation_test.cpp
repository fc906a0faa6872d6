// The packet worker at work, its user port and the network played by sockets of this process: nothing is allocated for
// a packet. Also that what goes in at one end comes out at the other, in super-frames.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/secret.hpp"
#include "datapath/bridge/mac_table.hpp"
#include "datapath/tunnel/io/packet_worker.hpp"
#include "datapath/tunnel/io/socket_address.hpp"
#include "datapath/tunnel/sleeve_cipher.hpp"
#include "test/unit/packet/frames.hpp"

namespace {

std::atomic<bool> counting{false};
std::atomic<std::uint64_t> allocations{0};

void count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

} // namespace

// Sanitizers have an allocator of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* malloc(std::size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* old, std::size_t size) {
  count();
  return __libc_realloc(old, size);
}
}
#else
void* operator new(std::size_t size) {
  count();
  if (auto* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace weave::datapath {
namespace {

constexpr std::size_t kPieces = 40;
constexpr std::uint16_t kPiece = 1300;
constexpr int kWarmUp = 100;
constexpr int kRounds = 400;

class OneNeighbour final : public RouteLookup {
 public:
  explicit OneNeighbour(PeerName neighbour) : neighbours_{neighbour} {}
  [[nodiscard]] PeerName next_hop(PeerName) const override { return neighbours_[0]; }
  [[nodiscard]] std::vector<PeerName> const& broadcast_hops(PeerName source) const override {
    return source == neighbours_[0] ? none_ : neighbours_;
  }

 private:
  std::vector<PeerName> neighbours_;
  std::vector<PeerName> none_;
};

struct Host {
  explicit Host(std::uint64_t number) : name{number} {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    kernel.reset(ends[0]);
    auto sockets = SleeveSockets::open({.address = Ipv4Address{0x7f000001}, .port = 0});
    EXPECT_TRUE(sockets) << sockets.error().text();
    endpoint = {.address = Ipv4Address{0x7f000001}, .port = local_port(sockets->fd(SleeveChannel::fragmentable))};
    UserPortOffloads const all{.checksum = true, .tcp_segmentation = true, .udp_segmentation = true};
    worker = std::make_unique<PacketWorker>(
        PacketWorker::Dependencies{.port = UserPort::of_descriptor(UniqueFd{ends[1]}, all),
                                   .sockets = std::move(*sockets),
                                   .macs = macs,
                                   .post = [](std::function<void()>) {},
                                   .on_port_failed = {}});
    EXPECT_TRUE(worker->start({}));
  }
  ~Host() { worker->stop(); }

  void send(OffloadHeader const& header, Bytes& frame) const {
    std::array<std::uint8_t, OffloadHeader::kSize> head{};
    header.write(head);
    iovec const parts[] = {{head.data(), head.size()}, {frame.data(), frame.size()}};
    EXPECT_EQ(::writev(kernel.get(), parts, 2), static_cast<ssize_t>(head.size() + frame.size()));
  }
  /// Takes what comes out until `frames` have been injected since the start.
  void drain_until(std::uint64_t frames) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (std::chrono::steady_clock::now() < end) {
      pollfd waiting{.fd = kernel.get(), .events = POLLIN, .revents = 0};
      auto const all = worker->counters().injected_frames.value() >= frames;
      if (::poll(&waiting, 1, all ? 0 : 1) > 0) {
        outputs += ::recv(kernel.get(), buffer.data(), buffer.size(), 0) > 0 ? 1 : 0;
      } else if (all) {
        return;
      }
    }
  }

  PeerName name;
  MacTable macs{name};
  UniqueFd kernel;
  Ipv4Endpoint endpoint;
  std::unique_ptr<PacketWorker> worker;
  Bytes buffer = Bytes(100'000);
  std::uint64_t outputs = 0;
};

struct Pair {
  explicit Pair(bool encrypted, std::string const& suites = {}) {
    connect(left, right, encrypted, suites, true);
    connect(right, left, encrypted, suites, false);
  }
  static void connect(Host& from, Host& to, bool encrypted, std::string const& suites, bool dialled) {
    SleevePath path{
        .peer = to.name, .connection = ConnectionUid{7}, .local = from.endpoint.address, .remote = to.endpoint};
    path.mtu = 1414;
    path.max_payload = 1472;
    if (encrypted) {
      auto const key = std::make_shared<Secret const>(Bytes(32, 0x5a));
      auto cipher = make_sleeve_cipher({.session_key = key, .we_dialled = dialled, .ours = suites, .theirs = suites});
      ASSERT_TRUE(cipher) << cipher.error().text();
      path.cipher = *cipher;
    }
    from.worker->set_routes(std::make_shared<OneNeighbour>(to.name));
    from.worker->set_path(path);
  }
  /// A super-frame of TCP and some small datagrams from left to right, which have all arrived.
  void round() {
    left.send(super_header, super_frame);
    for (int i = 0; i < 5; ++i) left.send({}, datagram);
    expected += kPieces + 5;
    right.drain_until(expected);
  }

  static Bytes make_super_frame() {
    ByteWriter segment;
    segment.u16(40000).u16(5001).u32(1000).u32(77).u8(5 << 4).u8(0x10).u16(500).u16(0).u16(0);
    segment.raw(Bytes(kPieces * kPiece, 0x33));
    auto const payload = segment.take();
    return test::Ipv4Frame{.protocol = kProtocolTcp, .flags_and_offset = Ipv4View::kDontFragment}.with_payload(payload);
  }

  Host left{1};
  Host right{2};
  OffloadHeader super_header{.flags = OffloadHeader::kNeedsChecksum,
                             .gso_type = OffloadHeader::kTcpV4,
                             .header_length = 54,
                             .gso_size = kPiece,
                             .checksum_start = 34,
                             .checksum_offset = 16};
  Bytes super_frame = make_super_frame();
  Bytes datagram = test::Ipv4Frame{}.with_payload(Bytes(26, 1));
  std::uint64_t expected = 0;
};

void expect_no_allocations(Pair& pair) {
  for (int i = 0; i < kWarmUp; ++i) pair.round();
  auto const outputs = pair.right.outputs;
  allocations = 0;
  counting = true;
  for (int i = 0; i < kRounds; ++i) pair.round();
  counting = false;
  EXPECT_EQ(allocations.load(), 0U);
  auto const& received = pair.right.worker->counters();
  EXPECT_EQ(received.injected_frames.value(), pair.expected);
  EXPECT_EQ(received.injection_failures.value(), 0U);
  // Six outputs a round if all pieces came together; they may be told apart by when they arrived.
  EXPECT_GT(received.joined_frames.value(), pair.expected / 2);
  EXPECT_LT(pair.right.outputs - outputs, kRounds * 20U);
}

TEST(PacketWorkerAllocations, NoneInClear) {
  Pair pair{false};
  expect_no_allocations(pair);
}

TEST(PacketWorkerAllocations, NoneEncryptedAsTheOriginalDoes) {
  Pair pair{true};
  expect_no_allocations(pair);
}

TEST(PacketWorkerAllocations, NoneEncryptedByOtherSuites) {
  for (std::string const suite : {"aes-256-gcm", "chacha20-poly1305"}) {
    Pair pair{true, suite};
    expect_no_allocations(pair);
  }
}

TEST(PacketWorkerAllocations, AreCounted) {
  counting = true;
  auto const before = allocations.load();
  auto const memory = std::make_unique<std::array<int, 100>>();
  counting = false;
  EXPECT_GT(allocations.load(), before);
}

} // namespace
} // namespace weave::datapath
