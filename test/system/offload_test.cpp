#include <algorithm>
#include <netinet/udp.h>

#include <gtest/gtest.h>

#include "datapath/packet/checksum.hpp"
#include "datapath/packet/headers.hpp"
#include "datapath/tunnel/sleeve_codec.hpp"
#include "test/system/container_traffic.hpp"

namespace weave::datapath {
namespace {

constexpr std::size_t kMegabyte = 1'000'000;

/// Failures of checksums that the container's kernel has found.
constexpr char const* kNoChecksumErrors =
    "awk '/^(Tcp|Udp|Icmp):/ { if (!($1 in head)) head[$1] = $0; else { n = split(head[$1], names, \" \"); "
    "for (i = 2; i <= n; ++i) if (names[i] == \"InCsumErrors\" && $i != 0) bad = 1 } } END { exit bad }' "
    "/proc/net/snmp";

TEST(OffloadSystem, TcpArrivesUnchangedThroughSuperFrames) {
  WEAVE_WORKER_LAB(lab, 2);
  lab.connect_all();
  EXPECT_EQ(test::transfer(lab.host(1), lab.host(2), 20 * kMegabyte), 20 * kMegabyte);
  EXPECT_EQ(test::transfer(lab.host(2), lab.host(1), 5 * kMegabyte), 5 * kMegabyte);
  EXPECT_GT(lab.host(1).worker->counters().cut_frames.value(), 0U) << "no super-frame came: nothing was tested";
  EXPECT_GT(lab.host(2).worker->counters().joined_frames.value(), 0U) << "none was made";
  EXPECT_EQ(lab.host(1).worker->counters().capture_faults.value(), 0U);
  EXPECT_EQ(lab.host(2).container->shell(kNoChecksumErrors), 0);
  EXPECT_EQ(lab.host(1).container->shell(kNoChecksumErrors), 0);
}

TEST(OffloadSystem, TcpArrivesUnchangedOverASmallPath) {
  // Containers may send 1376 bytes, the path carries 1000: they learn it by ICMP.
  WEAVE_WORKER_LAB(lab, 2, 1062);
  lab.connect_all(1000, 1034);
  EXPECT_EQ(test::transfer(lab.host(1), lab.host(2), 5 * kMegabyte), 5 * kMegabyte);
  EXPECT_EQ(lab.host(2).container->shell(kNoChecksumErrors), 0);
}

TEST(OffloadSystem, WhatTheKernelMustFragmentLeavesWithoutSegments) {
  // The worker takes the path for wider than it is, and IPv6 goes out on the channel that may be fragmented.
  WEAVE_WORKER_LAB(lab, 2, 1300);
  lab.connect_all();
  EXPECT_EQ(test::transfer_ipv6(lab.host(1), lab.host(2), 2 * kMegabyte), 2 * kMegabyte);
  EXPECT_GT(lab.host(1).worker->counters().cut_frames.value(), 0U);
  EXPECT_EQ(lab.host(1).worker->counters().too_big_packets.value(), 0U);
}

TEST(OffloadSystem, OnePacketForEachCallWorksToo) {
  WEAVE_WORKER_LAB(lab, 2, 1500, kDefaultBridgeMtu, PacketIo::one_by_one);
  lab.connect_all();
  EXPECT_EQ(test::transfer(lab.host(1), lab.host(2), 2 * kMegabyte), 2 * kMegabyte);
  EXPECT_EQ(lab.host(1).worker->counters().cut_frames.value(), 0U);
  EXPECT_EQ(lab.host(2).worker->counters().joined_frames.value(), 0U);
}

TEST(OffloadSystem, EncryptedFramesAreJoinedAsWell) {
  for (std::string const suites : {"", "aes-256-gcm"}) {
    WEAVE_WORKER_LAB(lab, 2);
    lab.connect_all();
    lab.encrypt(lab.host(1), lab.host(2), suites);
    // What the containers' kernels sent of their own accord before that has arrived when this has.
    ASSERT_EQ(test::transfer(lab.host(1), lab.host(2), 1000), 1000U);
    auto const clear = lab.host(2).worker->counters().unauthentic_packets.value();
    EXPECT_EQ(test::transfer(lab.host(1), lab.host(2), 5 * kMegabyte), 5 * kMegabyte);
    EXPECT_GT(lab.host(2).worker->counters().joined_frames.value(), 0U);
    EXPECT_EQ(lab.host(2).worker->counters().unauthentic_packets.value(), clear);
    EXPECT_EQ(lab.host(2).container->shell(kNoChecksumErrors), 0);
  }
}

TEST(OffloadSystem, TcpOverIPv6ArrivesUnchanged) {
  WEAVE_WORKER_LAB(lab, 2);
  lab.connect_all();
  EXPECT_EQ(test::transfer_ipv6(lab.host(1), lab.host(2), 5 * kMegabyte), 5 * kMegabyte);
  EXPECT_EQ(lab.host(2).container->shell(kNoChecksumErrors), 0);
  EXPECT_GT(lab.host(1).worker->counters().cut_frames.value(), 0U);
}

TEST(OffloadSystem, UdpSuperFramesArriveAsTheirDatagrams) {
  WEAVE_WORKER_LAB(lab, 2);
  if (!lab.host(1).worker->offloads().udp_segmentation) GTEST_SKIP() << "this kernel has no UDP super-frames for TAP";
  lab.connect_all();
  auto const receiver = test::socket_in(*lab.host(2).container, AF_INET, SOCK_DGRAM);
  auto const sender = test::socket_in(*lab.host(1).container, AF_INET, SOCK_DGRAM);
  auto const target = to_sockaddr({.address = lab.host(2).overlay(), .port = 5002});
  auto const* const generic = reinterpret_cast<sockaddr const*>(&target);
  ASSERT_EQ(::bind(receiver.get(), generic, sizeof target), 0);
  int const segment = 1000;
  ASSERT_EQ(::setsockopt(sender.get(), SOL_UDP, UDP_SEGMENT, &segment, sizeof segment), 0);
  Bytes payload(10'500);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = test::stream_byte(i);
  ASSERT_EQ(::sendto(sender.get(), payload.data(), payload.size(), 0, generic, sizeof target), 10'500);
  Bytes datagram(65536);
  for (std::size_t offset = 0; offset < payload.size(); offset += 1000) {
    pollfd waiting{.fd = receiver.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&waiting, 1, 5000), 1) << offset;
    auto const size = ::recv(receiver.get(), datagram.data(), datagram.size(), 0);
    ASSERT_EQ(size, std::min<ssize_t>(1000, static_cast<ssize_t>(payload.size() - offset)));
    EXPECT_TRUE(
        std::equal(datagram.begin(), datagram.begin() + size, payload.begin() + static_cast<std::ptrdiff_t>(offset)));
  }
  EXPECT_GE(lab.host(1).worker->counters().cut_frames.value(), 11U);
}

/// What a neighbour would see: the next sleeve packet that holds a UDP frame.
std::optional<Bytes> next_udp_frame(int fd) {
  Bytes packet(65536);
  for (int tries = 0; tries < 50; ++tries) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 2000) <= 0) return std::nullopt;
    auto const size = ::recv(fd, packet.data(), packet.size(), 0);
    if (size < 6) continue;
    auto reader = SleeveFrameReader::of_clear_packet(ByteView{packet}.first(static_cast<std::size_t>(size)));
    while (auto const frame = reader.next()) {
      auto const bytes = frame->frame;
      if (bytes.size() > 42 && load_u16(bytes, 12) == kEtherTypeIpv4 && bytes[23] == kProtocolUdp) {
        return Bytes(bytes.begin(), bytes.end());
      }
    }
  }
  return std::nullopt;
}

TEST(OffloadSystem, PartialChecksumsAreCompletedBeforeAFrameLeaves) {
  WEAVE_WORKER_LAB(lab, 2);
  lab.host(2).worker.reset();
  lab.connect_one(lab.host(1), lab.host(2));
  auto const neighbour = test::socket_in(*lab.host(2).net, AF_INET, SOCK_DGRAM);
  auto const port = to_sockaddr({.address = {}, .port = test::WorkerHost::kPort});
  ASSERT_EQ(::bind(neighbour.get(), reinterpret_cast<sockaddr const*>(&port), sizeof port), 0);
  ASSERT_EQ(lab.host(1).container->shell("ip neigh add 10.32.0.2 lladdr 02:00:00:00:00:99 dev ethwe"), 0);
  WEAVE_ASSERT_OK(lab.host(1).container->run([]() -> Result<void> {
    EXPECT_TRUE(tx_checksum_offload("ethwe").value()) << "the container would complete them itself";
    return {};
  }));
  auto const sender = test::socket_in(*lab.host(1).container, AF_INET, SOCK_DGRAM);
  auto const target = to_sockaddr({.address = lab.host(2).overlay(), .port = 9});
  Bytes const payload(501, 0xa5);
  ASSERT_EQ(::sendto(sender.get(), payload.data(), payload.size(), 0, reinterpret_cast<sockaddr const*>(&target),
                     sizeof target),
            501);
  auto const frame = next_udp_frame(neighbour.get());
  ASSERT_TRUE(frame);
  auto const ip = Ipv4View::parse(ByteView{*frame}.subspan(14));
  ASSERT_TRUE(ip);
  ChecksumSum sum;
  sum.add_pseudo_header(ip->header().subspan(12, 8), kProtocolUdp, static_cast<std::uint32_t>(ip->payload().size()));
  EXPECT_EQ(sum.add(ip->payload()).folded(), 0xffff);
  EXPECT_NE(UdpView::parse(ip->payload())->checksum(), 0);
}

} // namespace
} // namespace weave::datapath
