#include "datapath/packet/offload.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "datapath/packet/checksum.hpp"
#include "datapath/packet/headers.hpp"
#include "test/unit/packet/frames.hpp"

namespace weave::datapath {
namespace {

using test::Ipv4Frame;

constexpr std::uint8_t kAllFlags = 0xff;

struct SuperFrame {
  bool ipv6 = false;
  bool tcp = true;
  std::size_t tcp_option_words = 3;
  std::uint8_t vlan_tags = 0;
  std::size_t payload = 10000;
  std::uint16_t piece = 1398;

  [[nodiscard]] Bytes data() const {
    Bytes bytes(payload);
    for (std::size_t i = 0; i < payload; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + (i >> 8));
    return bytes;
  }
  [[nodiscard]] Bytes transport() const {
    ByteWriter out;
    out.u16(40000).u16(5001);
    if (tcp) {
      out.u32(0xffff'f000).u32(77).u8(static_cast<std::uint8_t>((5 + tcp_option_words) << 4)).u8(kAllFlags);
      out.u16(500).u16(0xbeef).u16(0);
      for (std::size_t word = 0; word < tcp_option_words; ++word) out.u32(0x01010101);
    } else {
      out.u16(static_cast<std::uint16_t>(8 + payload)).u16(0xbeef);
    }
    return out.raw(data()).take();
  }
  [[nodiscard]] Bytes frame() const {
    auto const segment = transport();
    if (!ipv6) {
      return Ipv4Frame{.protocol = protocol(), .flags_and_offset = Ipv4View::kDontFragment, .vlan_tags = vlan_tags}
          .with_payload(segment);
    }
    ByteWriter out;
    out.u48(0xc2bb'0000'0002).u48(0xc2aa'0000'0001).u16(kEtherTypeIpv6);
    out.u32(0x6000'0000).u16(static_cast<std::uint16_t>(segment.size())).u8(protocol()).u8(64);
    for (int i = 0; i < 4; ++i) out.u64(0x2001'0db8'0000'0000ULL + static_cast<unsigned>(i));
    return out.raw(segment).take();
  }
  [[nodiscard]] std::uint8_t protocol() const { return tcp ? kProtocolTcp : kProtocolUdp; }
  [[nodiscard]] std::size_t transport_offset() const {
    return kEthernetHeaderSize + vlan_tags * kVlanTagSize + (ipv6 ? kIpv6HeaderSize : kIpv4HeaderSize);
  }
  [[nodiscard]] OffloadHeader header() const {
    auto const type = !tcp ? OffloadHeader::kUdpSegments : ipv6 ? OffloadHeader::kTcpV6 : OffloadHeader::kTcpV4;
    return {.flags = OffloadHeader::kNeedsChecksum,
            .gso_type = type,
            .header_length = 0,
            .gso_size = piece,
            .checksum_start = static_cast<std::uint16_t>(transport_offset()),
            .checksum_offset = static_cast<std::uint16_t>(tcp ? 16 : 6)};
  }
};

std::vector<Bytes> cut(OffloadHeader const& header, ByteView frame) {
  std::vector<Bytes> frames;
  auto cutter = FrameCutter::create(header, frame);
  EXPECT_TRUE(cutter);
  while (cutter && !cutter->done()) {
    auto const left = cutter->remaining();
    Bytes out(cutter->next_size());
    EXPECT_EQ(cutter->write_next(out), out.size());
    EXPECT_EQ(cutter->remaining(), left - 1);
    frames.push_back(std::move(out));
  }
  return frames;
}

/// The transport segment of a frame after checking lengths and every checksum as a receiver does.
ByteView checked_segment(SuperFrame const& shape, ByteView frame) {
  auto const segment = frame.subspan(shape.transport_offset());
  auto const network = shape.transport_offset() - (shape.ipv6 ? kIpv6HeaderSize : kIpv4HeaderSize);
  ByteView addresses;
  if (shape.ipv6) {
    EXPECT_EQ(load_u16(frame, network + 4), segment.size());
    addresses = frame.subspan(network + 8, 32);
  } else {
    auto const ip = Ipv4View::parse(frame.subspan(network));
    EXPECT_EQ(load_u16(frame, network + 2), frame.size() - network);
    EXPECT_EQ(internet_checksum(ip->header()), 0);
    EXPECT_TRUE(ip->dont_fragment());
    addresses = frame.subspan(network + 12, 8);
  }
  ChecksumSum sum;
  sum.add_pseudo_header(addresses, shape.protocol(), static_cast<std::uint32_t>(segment.size())).add(segment);
  EXPECT_EQ(sum.checksum(), 0);
  return segment;
}

void expect_tcp(SuperFrame const& shape, std::vector<Bytes> const& frames) {
  ASSERT_EQ(frames.size(), (shape.payload + shape.piece - 1) / shape.piece);
  Bytes joined;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    auto const tcp = TcpView::parse(checked_segment(shape, frames[i]));
    ASSERT_TRUE(tcp);
    EXPECT_EQ(tcp->sequence(), 0xffff'f000U + static_cast<std::uint32_t>(joined.size()));
    bool const last = i + 1 == frames.size();
    EXPECT_EQ((tcp->flags() & TcpView::kFin) != 0, last);
    EXPECT_EQ((tcp->flags() & TcpView::kPush) != 0, last);
    EXPECT_EQ((tcp->flags() & TcpView::kCongestionWindowReduced) != 0, i == 0);
    if (!shape.ipv6) {
      auto const ip = Ipv4View::parse(ByteView{frames[i]}.subspan(shape.transport_offset() - kIpv4HeaderSize));
      EXPECT_EQ(ip->identification(), 0x1234 + i);
    }
    if (!last) {
      EXPECT_EQ(tcp->payload().size(), shape.piece);
    }
    joined.insert(joined.end(), tcp->payload().begin(), tcp->payload().end());
  }
  EXPECT_EQ(joined, shape.data());
}

TEST(FrameCutter, CutsTcpOverIpv4) {
  for (std::size_t const payload : {1U, 1398U, 1399U, 2796U, 65000U}) {
    SuperFrame const shape{.payload = payload};
    expect_tcp(shape, cut(shape.header(), shape.frame()));
  }
}

TEST(FrameCutter, CutsTcpOverIpv6) {
  SuperFrame const shape{.ipv6 = true, .payload = 20000, .piece = 1378};
  expect_tcp(shape, cut(shape.header(), shape.frame()));
}

TEST(FrameCutter, KeepsVlanTags) {
  for (std::uint8_t tags = 1; tags <= 2; ++tags) {
    SuperFrame const shape{.vlan_tags = tags};
    expect_tcp(shape, cut(shape.header(), shape.frame()));
  }
}

TEST(FrameCutter, AcceptsTheCongestionBitOfTheType) {
  SuperFrame const shape;
  auto header = shape.header();
  header.gso_type |= OffloadHeader::kExplicitCongestion;
  EXPECT_TRUE(header.is_super_frame());
  expect_tcp(shape, cut(header, shape.frame()));
}

TEST(FrameCutter, FindsHeadersWithoutChecksumOffload) {
  SuperFrame const shape;
  auto header = shape.header();
  header.flags = 0;
  header.checksum_start = 0;
  expect_tcp(shape, cut(header, shape.frame()));
}

TEST(FrameCutter, CutsUdpIntoDatagrams) {
  for (bool const ipv6 : {false, true}) {
    SuperFrame const shape{.ipv6 = ipv6, .tcp = false, .payload = 5000, .piece = 1200};
    auto const frames = cut(shape.header(), shape.frame());
    ASSERT_EQ(frames.size(), 5U);
    Bytes joined;
    for (auto const& frame : frames) {
      auto const udp = UdpView::parse(checked_segment(shape, frame));
      ASSERT_TRUE(udp);
      EXPECT_EQ(udp->length(), 8 + udp->payload().size());
      EXPECT_NE(udp->checksum(), 0);
      joined.insert(joined.end(), udp->payload().begin(), udp->payload().end());
    }
    EXPECT_EQ(joined, shape.data());
  }
}

TEST(FrameCutter, SmallBufferMakesNoProgress) {
  SuperFrame const shape;
  auto const frame = shape.frame();
  auto cutter = FrameCutter::create(shape.header(), frame);
  ASSERT_TRUE(cutter);
  Bytes small(cutter->next_size() - 1);
  EXPECT_EQ(cutter->write_next(small), 0U);
  EXPECT_EQ(cutter->remaining(), 8U);
}

TEST(FrameCutter, RefusesContradictions) {
  SuperFrame const shape;
  auto const frame = shape.frame();
  auto const fault = [](OffloadHeader const& header, ByteView bytes) {
    auto const cutter = FrameCutter::create(header, bytes);
    return cutter ? -1 : static_cast<int>(cutter.error());
  };
  auto const malformed = static_cast<int>(OffloadFault::malformed);
  auto header = shape.header();
  header.gso_size = 0;
  EXPECT_EQ(fault(header, frame), malformed);
  header = shape.header();
  header.gso_size = 65535;
  EXPECT_EQ(fault(header, frame), malformed);
  header = shape.header();
  header.checksum_start = 60000;
  EXPECT_EQ(fault(header, frame), malformed);
  header = shape.header();
  header.gso_type = OffloadHeader::kTcpV6;
  EXPECT_EQ(fault(header, frame), malformed);
  header.gso_type = OffloadHeader::kUdpSegments;
  EXPECT_EQ(fault(header, frame), malformed);
  header.gso_type = OffloadHeader::kUdpFragments;
  EXPECT_EQ(fault(header, frame), static_cast<int>(OffloadFault::unsupported));
  header.gso_type = 9;
  EXPECT_EQ(fault(header, frame), static_cast<int>(OffloadFault::unsupported));
  for (std::size_t size = 0; size <= shape.transport_offset() + 32; ++size) {
    EXPECT_EQ(fault(shape.header(), ByteView{frame}.first(size)), malformed) << size;
  }
}

TEST(FrameCutter, SurvivesRandomHeaders) {
  SeededRandom random{11};
  Bytes out(70000);
  for (int round = 0; round < 20000; ++round) {
    SuperFrame const shape{
        .ipv6 = round % 2 == 0, .tcp = round % 3 != 0, .payload = 1 + random.below(300), .piece = 100};
    auto frame = shape.frame();
    auto header = shape.header();
    for (int change = 0; change < 3; ++change)
      frame[random.below(frame.size())] = static_cast<std::uint8_t>(random.u64());
    if (round % 5 == 0) header.checksum_start = static_cast<std::uint16_t>(random.below(200));
    if (round % 7 == 0) header.gso_size = static_cast<std::uint16_t>(random.u64());
    if (round % 11 == 0) frame.resize(random.below(frame.size()));
    auto cutter = FrameCutter::create(header, frame);
    while (cutter && !cutter->done()) ASSERT_NE(cutter->write_next(out), 0U);
  }
}

TEST(OffloadHeader, IsTenBytesInMachineOrder) {
  auto const header = SuperFrame{}.header();
  Bytes bytes(OffloadHeader::kSize);
  header.write(bytes);
  EXPECT_EQ(OffloadHeader::parse(bytes), header);
  EXPECT_FALSE(OffloadHeader::parse(ByteView{bytes}.first(9)));
}

TEST(CompleteChecksum, FinishesWhatTheKernelLeft) {
  for (bool const tcp : {true, false}) {
    SuperFrame const shape{.tcp = tcp, .payload = 333};
    auto frame = shape.frame();
    auto header = shape.header();
    header.gso_type = OffloadHeader::kNone;
    auto const start = shape.transport_offset();
    ChecksumSum pseudo;
    pseudo.add_pseudo_header(ByteView{frame}.subspan(start - 8, 8), shape.protocol(),
                             static_cast<std::uint32_t>(frame.size() - start));
    store_u16(frame, start + header.checksum_offset, pseudo.folded());
    ASSERT_TRUE(complete_checksum(header, frame));
    checked_segment(shape, frame);
  }
}

TEST(CompleteChecksum, UdpNeverGetsZero) {
  SuperFrame const shape{.tcp = false, .payload = 2};
  auto frame = shape.frame();
  auto const start = shape.transport_offset();
  auto header = shape.header();
  // The partial sum that makes everything add up to all ones.
  store_u16(frame, start + 6, 0);
  store_u16(frame, start + 6, internet_checksum(ByteView{frame}.subspan(start)));
  ASSERT_TRUE(complete_checksum(header, frame));
  EXPECT_EQ(load_u16(frame, start + 6), 0xffff);
}

TEST(CompleteChecksum, RefusesToWriteOutside) {
  Bytes frame(60);
  EXPECT_TRUE(complete_checksum({}, frame));
  EXPECT_FALSE(complete_checksum({.flags = 1, .checksum_start = 50, .checksum_offset = 9}, frame));
  EXPECT_FALSE(complete_checksum({.flags = 1, .checksum_start = 65535, .checksum_offset = 65535}, frame));
  EXPECT_FALSE(complete_checksum({.flags = 1, .checksum_start = 0, .checksum_offset = 0}, frame));
  EXPECT_TRUE(complete_checksum({.flags = 1, .checksum_start = 50, .checksum_offset = 8}, frame));
}

} // namespace
} // namespace weave::datapath
