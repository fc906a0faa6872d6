// What the DNS server's thread does for a question over UDP takes no memory from the heap. In a program of its own, as
// it counts all allocations of this one.
#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "controller/dns/udp_worker.hpp"
#include "test/system/scratch_namespace.hpp"
#include "test/unit/dns/dns_text.hpp"

namespace {

std::atomic<std::uint64_t> allocations_of_others{0};
thread_local bool is_test = false;

void* counted(std::size_t size) noexcept {
  if (!is_test) allocations_of_others.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size);
}
void* counted_or_thrown(std::size_t size) {
  if (auto* const memory = counted(size)) return memory;
  throw std::bad_alloc{};
}

} // namespace

void* operator new(std::size_t size) { return counted_or_thrown(size); }
void* operator new[](std::size_t size) { return counted_or_thrown(size); }
void* operator new(std::size_t size, std::nothrow_t const&) noexcept { return counted(size); }
void* operator new[](std::size_t size, std::nothrow_t const&) noexcept { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace weave::controller::dns {
namespace {

using namespace weave::controller::dns::test;

constexpr int kRounds = 200;

NameSnapshot names(std::uint32_t of_one) {
  NameSnapshot snapshot;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    auto const name = "a-container-with-a-long-name-" + std::to_string(i) + ".weave.local.";
    snapshot.set_addresses(name, {Ipv4Address{0x0a20'0000 + i}, Ipv4Address{0x0a21'0000 + i + of_one}});
    snapshot.set_names(Ipv4Address{0x0a20'0000 + i}, {name});
  }
  return snapshot;
}

/// Every kind of answer of ours: addresses, with and without EDNS, in other spellings; a name; denials; an error.
std::vector<Bytes> questions() {
  auto broken = query_for("a-container-with-a-long-name-1.weave.local", record_type::a);
  broken.resize(broken.size() - 3);
  return {query_for("a-container-with-a-long-name-17.weave.local", record_type::a),
          query_for("A-Container-With-A-Long-Name-18.Weave.Local", record_type::a, 2, 1232),
          query_for("a-container-with-a-long-name-19", record_type::a),
          query_for("7.0.32.10.in-addr.arpa", record_type::ptr),
          query_for("a-container-with-a-long-name-17.weave.local", record_type::aaaa),
          query_for("nobody-has-this-name-of-some-length.weave.local", record_type::a, 3, 4096),
          broken};
}

/// How many replies came.
int ask(UdpSocket const& server, int rounds) {
  auto const address = raw_address(server.local()).value();
  UniqueFd const fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  timeval const patience{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), address.generic(), address.length) != 0) return -1;
  int replies = 0;
  for (int round = 0; round < rounds; ++round) {
    auto const batch = questions();
    for (auto const& query : batch) (void)::send(fd.get(), query.data(), query.size(), 0);
    std::array<std::uint8_t, kMaxMessageSize> room;
    for (std::size_t i = 0; i < batch.size(); ++i) replies += ::recv(fd.get(), room.data(), room.size(), 0) > 0 ? 1 : 0;
  }
  return replies;
}

TEST(DnsAllocationTest, AnswersTakeNoMemory) {
  WEAVE_SCRATCH_NAMESPACE(scratch);
  WEAVE_ASSERT_OK(scratch->run([]() -> Result<void> {
    is_test = true; // here, since that runs on a thread of its own
    PublishedNames published;
    published.publish(names(0));
    std::vector<UdpSocket> sockets;
    for (auto const* const host : {"127.0.0.1", "0.0.0.0"}) {
      auto socket = UdpSocket::bind({.host = host, .port = 0});
      if (!socket) return failure_of(socket);
      sockets.push_back(*std::move(socket));
    }
    UdpWorker worker{
        std::move(sockets), published, {.domain = DomainName::parse("weave.local").value()}, 1, [](auto const&...) {}};
    if (auto const started = worker.start(); !started) return started;
    for (auto const& socket : worker.sockets()) EXPECT_EQ(ask(socket, 1), static_cast<int>(questions().size()));
    auto const before = allocations_of_others.load();
    EXPECT_GT(before, 0U) << "the thread's start is not counted";
    published.publish(names(1)); // taking up news costs none either
    for (auto const& socket : worker.sockets()) {
      EXPECT_EQ(ask(socket, kRounds), kRounds * static_cast<int>(questions().size()));
    }
    EXPECT_EQ(allocations_of_others.load(), before);
    return {};
  }));
}

} // namespace
} // namespace weave::controller::dns
