#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "datapath/packet/checksum.hpp"
#include "datapath/packet/classify.hpp"
#include "datapath/packet/icmp.hpp"
#include "datapath/packet/ipv4_fragment.hpp"
#include "test/unit/packet/frames.hpp"

namespace weave::datapath {
namespace {

using test::Ipv4Frame;

Bytes counting(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  return bytes;
}

TEST(Ipv4View, RejectsHeadersThatContradictTheBytes) {
  auto const packet = Ipv4Frame{}.with_payload(counting(8));
  auto const parse = [](Bytes frame) {
    return Ipv4View::parse(ByteView{frame}.subspan(kEthernetHeaderSize)).has_value();
  };
  EXPECT_TRUE(parse(packet));
  auto changed = packet;
  changed[14] = 0x44; // header length 16
  EXPECT_FALSE(parse(changed));
  changed[14] = 0x4f; // header length 60, more than there is
  EXPECT_FALSE(parse(changed));
  changed = packet;
  changed[14] = 0x65; // version 6
  EXPECT_FALSE(parse(changed));
  changed = packet;
  store_u16(changed, 16, 19); // total length below the header
  EXPECT_FALSE(parse(changed));
}

TEST(Ipv4View, LeavesEthernetPaddingOut) {
  auto frame = Ipv4Frame{}.with_payload(counting(4));
  frame.resize(60, 0xff);
  auto const ip = Ipv4View::parse(ByteView{frame}.subspan(kEthernetHeaderSize));
  ASSERT_TRUE(ip);
  EXPECT_EQ(ip->payload().size(), 4U);
}

TEST(Views, NeverReadBeyondAnyPrefixOfAFrame) {
  auto const whole = Ipv4Frame{.option_words = 3}.with_payload(counting(40));
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    Bytes const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    auto const kind = classify_frame(part);
    EXPECT_EQ(kind == FrameKind::runt, size < 14);
    EXPECT_EQ(kind == FrameKind::ipv4, size >= 14 + 32);
    Bytes out(kFragmentationNeededSize);
    EXPECT_EQ(write_fragmentation_needed(part, 1000, out) != 0, size >= 14 + 32);
    auto pieces = Ipv4Fragmenter::create(part, 50);
    EXPECT_EQ(pieces.has_value(), size >= 14 + 32);
    Bytes buffer(100);
    while (pieces && !pieces->done()) ASSERT_NE(pieces->write_next(buffer), 0U);
  }
}

TEST(Views, SurviveRandomBytes) {
  SeededRandom random{7};
  Bytes out(70000);
  for (int round = 0; round < 20000; ++round) {
    Bytes frame(random.below(120));
    for (auto& byte : frame) byte = static_cast<std::uint8_t>(random.u64());
    if (frame.size() > 15) {
      store_u16(frame, 12, kEtherTypeIpv4);
      frame[14] = static_cast<std::uint8_t>(0x40 | (frame[14] & 0x0f));
    }
    (void)classify_frame(frame);
    (void)may_answer_with_icmp_error(frame);
    (void)write_fragmentation_needed(frame, 576, out);
    auto pieces = Ipv4Fragmenter::create(frame, static_cast<std::uint32_t>(random.below(200)));
    for (int count = 0; pieces && !pieces->done(); ++count) {
      ASSERT_NE(pieces->write_next(out), 0U);
      ASSERT_LT(count, 20);
    }
  }
}

TEST(Ipv4Fragmenter, PiecesMakeUpTheOriginal) {
  SeededRandom random{9};
  for (int round = 0; round < 300; ++round) {
    Ipv4Frame const shape{.option_words = random.below(11)};
    auto const payload = counting(1 + random.below(9000));
    auto const frame = shape.with_payload(payload);
    auto const mtu = static_cast<std::uint32_t>(kIpv4HeaderSize + 4 * shape.option_words + 8 + random.below(1500));
    auto pieces = Ipv4Fragmenter::create(frame, mtu);
    ASSERT_TRUE(pieces);
    Bytes joined;
    Bytes buffer(2000);
    while (!pieces->done()) {
      auto const size = pieces->write_next(buffer);
      auto const ip = Ipv4View::parse(ByteView{buffer}.first(size).subspan(kEthernetHeaderSize));
      ASSERT_TRUE(ip);
      ASSERT_LE(ip->size(), mtu);
      ASSERT_EQ(internet_checksum(ip->header()), 0);
      ASSERT_EQ(ip->fragment_offset() * 8U, joined.size());
      joined.insert(joined.end(), ip->payload().begin(), ip->payload().end());
      ASSERT_EQ(ip->more_fragments(), joined.size() < payload.size());
    }
    ASSERT_EQ(joined, payload);
  }
}

TEST(Ipv4Fragmenter, RefusesWhatMayNotOrCannotBeCut) {
  EXPECT_FALSE(
      Ipv4Fragmenter::create(Ipv4Frame{.flags_and_offset = Ipv4View::kDontFragment}.with_payload(counting(100)), 60));
  EXPECT_FALSE(Ipv4Fragmenter::create(Ipv4Frame{}.with_payload(counting(100)), 27));
  EXPECT_FALSE(Ipv4Fragmenter::create(Ipv4Frame{.vlan_tags = 1}.with_payload(counting(100)), 60));
  auto const frame = Ipv4Frame{}.with_payload(counting(100));
  auto pieces = Ipv4Fragmenter::create(frame, 60);
  ASSERT_TRUE(pieces);
  Bytes small(pieces->next_size() - 1);
  EXPECT_EQ(pieces->write_next(small), 0U);
  EXPECT_FALSE(pieces->done());
}

TEST(Icmp, IsNotSentAboutErrorsLaterFragmentsAndGroups) {
  auto const udp = counting(8);
  EXPECT_TRUE(may_answer_with_icmp_error(Ipv4Frame{}.with_payload(udp)));
  EXPECT_FALSE(may_answer_with_icmp_error(Ipv4Frame{.flags_and_offset = 1}.with_payload(udp)));
  EXPECT_FALSE(may_answer_with_icmp_error(Ipv4Frame{.destination = 0xe0000001}.with_payload(udp)));
  EXPECT_FALSE(may_answer_with_icmp_error(Ipv4Frame{.destination = 0xffffffff}.with_payload(udp)));
  EXPECT_FALSE(may_answer_with_icmp_error(Ipv4Frame{.source = 0}.with_payload(udp)));
  Bytes icmp(8);
  icmp[0] = 8; // echo request
  EXPECT_TRUE(may_answer_with_icmp_error(Ipv4Frame{.protocol = kProtocolIcmp}.with_payload(icmp)));
  icmp[0] = IcmpView::kDestinationUnreachable;
  EXPECT_FALSE(may_answer_with_icmp_error(Ipv4Frame{.protocol = kProtocolIcmp}.with_payload(icmp)));
  auto broadcast = Ipv4Frame{}.with_payload(udp);
  std::memset(broadcast.data(), 0xff, 6);
  EXPECT_FALSE(may_answer_with_icmp_error(broadcast));
}

TEST(Icmp, QuotesLongestHeaderAndShortestPayload) {
  Bytes out(kFragmentationNeededSize);
  EXPECT_EQ(write_fragmentation_needed(Ipv4Frame{.option_words = 10}.with_payload(counting(100)), 600, out),
            kFragmentationNeededSize);
  EXPECT_EQ(write_fragmentation_needed(Ipv4Frame{}.with_payload({}), 600, out), 14U + 20 + 8 + 20);
  EXPECT_EQ(write_fragmentation_needed(Ipv4Frame{}.with_payload({}), 600, MutableBytes{out}.first(60)), 0U);
}

/// From fd00::1 to fd00::2.
Bytes ipv6_frame(std::uint8_t next_header, ByteView payload) {
  Bytes frame(kEthernetHeaderSize + kIpv6HeaderSize);
  for (std::size_t i = 0; i < 2 * kMacSize; ++i) frame[i] = static_cast<std::uint8_t>(2 * i + 2);
  store_u16(frame, 12, kEtherTypeIpv6);
  MutableBytes const header{frame.data() + kEthernetHeaderSize, kIpv6HeaderSize};
  header[0] = 0x60;
  store_u16(header, 4, static_cast<std::uint16_t>(payload.size()));
  header[6] = next_header;
  header[8] = header[24] = 0xfd;
  header[23] = 1;
  header[39] = 2;
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

TEST(Icmpv6, TellsTheSenderWhatPassesAndQuotesAsMuchAsMayBe) {
  for (std::size_t const size : {0U, 8U, 1192U, 1193U, 1400U}) {
    auto const frame = ipv6_frame(kProtocolTcp, counting(size));
    EXPECT_EQ(classify_frame(frame), FrameKind::ipv6);
    Bytes out(kPacketTooBigSize, 0xee);
    out.resize(write_packet_too_big(frame, 1338, out));
    ASSERT_EQ(out.size(), 14 + 40 + 8 + std::min<std::size_t>(40 + size, 1232));
    auto const ethernet = EthernetView::parse(out);
    EXPECT_EQ(ethernet->destination(), EthernetView::parse(frame)->source());
    EXPECT_EQ(ethernet->source(), EthernetView::parse(frame)->destination());
    auto const ip = Ipv6View::parse(ethernet->payload());
    ASSERT_TRUE(ip);
    EXPECT_EQ(ip->next_header(), kProtocolIcmpv6);
    EXPECT_EQ(ip->source().back(), 2);
    EXPECT_EQ(ip->destination().back(), 1);
    auto const icmp = ip->payload();
    EXPECT_EQ(icmp.size() + 40 + 14, out.size()) << "the payload length is right";
    EXPECT_EQ(icmp[0], 2);
    EXPECT_EQ(load_u32(icmp, 4), 1338U);
    EXPECT_TRUE(std::ranges::equal(icmp.subspan(8), ByteView{frame}.subspan(14, icmp.size() - 8)));
    EXPECT_EQ(
        ChecksumSum{}
            .add_pseudo_header(ip->packet().subspan(8, 32), kProtocolIcmpv6, static_cast<std::uint32_t>(icmp.size()))
            .add(icmp)
            .checksum(),
        0);
    EXPECT_FALSE(may_answer_with_icmp_error(out)) << "errors are not answered";
  }
}

TEST(Icmpv6, NeverSaysLessThanEveryLinkCarriesAndKeepsToItsMemory) {
  auto const frame = ipv6_frame(kProtocolUdp, counting(1400));
  Bytes out(kPacketTooBigSize);
  ASSERT_NE(write_packet_too_big(frame, 600, out), 0U);
  EXPECT_EQ(load_u32(out, 14 + 40 + 4), 1280U);
  EXPECT_EQ(write_packet_too_big(frame, 1300, MutableBytes{out}.first(kPacketTooBigSize - 1)), 0U);
  EXPECT_EQ(write_packet_too_big(Ipv4Frame{}.with_payload({}), 1300, out), 0U);
}

TEST(Icmpv6, IsNotSentAboutErrorsAndGroups) {
  Bytes icmp(8);
  auto const may = [](Bytes frame, std::size_t at, std::uint8_t value) {
    frame[at] = value;
    return may_answer_with_icmp_error(frame);
  };
  auto const udp = ipv6_frame(kProtocolUdp, counting(8));
  constexpr std::size_t kSource = 14 + 8;
  constexpr std::size_t kDestination = kSource + 16;
  EXPECT_TRUE(may_answer_with_icmp_error(udp));
  EXPECT_FALSE(may(udp, 0, 0x33)) << "multicast on the link";
  EXPECT_FALSE(may(udp, kSource, 0xff));
  EXPECT_FALSE(may(udp, kDestination, 0xff));
  EXPECT_FALSE(may(udp, kSource, 0)) << "loopback: all zero and one";
  auto const echo = ipv6_frame(kProtocolIcmpv6, icmp);
  EXPECT_TRUE(may(echo, 14 + 40, 128));
  EXPECT_FALSE(may(echo, 14 + 40, 1));
  EXPECT_FALSE(may_answer_with_icmp_error(ipv6_frame(kProtocolIcmpv6, {})));
}

TEST(Ipv6View, NeverReadsBeyondAnyPrefixOfAFrame) {
  auto const whole = ipv6_frame(kProtocolUdp, counting(60));
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    Bytes const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(classify_frame(part) == FrameKind::ipv6, size >= 14 + 40);
    Bytes out(kPacketTooBigSize);
    EXPECT_EQ(write_packet_too_big(part, 1300, out) != 0, size >= 14 + 40);
    (void)may_answer_with_icmp_error(part);
  }
}

} // namespace
} // namespace weave::datapath
