#include "datapath/packet/frame_joiner.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "test/unit/packet/frames.hpp"

namespace weave::datapath {
namespace {

/// One frame of a flow, as a network card sends it.
struct Segment {
  bool ipv6 = false;
  bool tcp = true;
  std::uint16_t port = 5001;
  std::uint16_t id = 100;
  std::uint16_t flags_and_offset = Ipv4View::kDontFragment;
  std::uint8_t traffic_class = 0;
  std::uint32_t sequence = 1000;
  std::uint32_t acknowledged = 77;
  std::uint8_t flags = 0x10;
  std::uint16_t window = 500;
  std::uint32_t time_stamp = 5;
  Bytes data = Bytes(100, 0xab);

  [[nodiscard]] Bytes transport() const {
    ByteWriter out;
    out.u16(40000).u16(port);
    if (tcp) {
      out.u32(sequence).u32(acknowledged).u8(8 << 4).u8(flags).u16(window).u16(0).u16(0);
      out.u32(0x0101'080a).u32(time_stamp).u32(9);
    } else {
      out.u16(static_cast<std::uint16_t>(8 + data.size())).u16(0);
    }
    return out.raw(data).take();
  }
  [[nodiscard]] Bytes frame() const {
    auto const segment = transport();
    ByteWriter out;
    out.u48(0xc2bb'0000'0002).u48(0xc2aa'0000'0001).u16(ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4);
    if (ipv6) {
      out.u32(0x6000'0000U | static_cast<std::uint32_t>(traffic_class) << 20);
      out.u16(static_cast<std::uint16_t>(segment.size())).u8(tcp ? 6 : 17).u8(64);
      for (int i = 0; i < 4; ++i) out.u64(0x2001'0db8'0000'0000ULL + static_cast<unsigned>(i));
    } else {
      out.u8(0x45).u8(traffic_class).u16(static_cast<std::uint16_t>(20 + segment.size())).u16(id).u16(flags_and_offset);
      out.u8(64).u8(tcp ? 6 : 17).u16(0).u32(0x0a20'0001).u32(0x0a20'0002);
    }
    auto bytes = out.raw(segment).take();
    MutableBytes const all{bytes};
    auto const transport_at = kEthernetHeaderSize + (ipv6 ? kIpv6HeaderSize : kIpv4HeaderSize);
    if (!ipv6) write_ipv4_checksum(all.subspan(kEthernetHeaderSize, kIpv4HeaderSize));
    ChecksumSum sum;
    sum.add_pseudo_header(ipv6 ? all.subspan(22, 32) : all.subspan(26, 8), tcp ? 6 : 17,
                          static_cast<std::uint32_t>(segment.size()));
    auto const checksum = sum.add(all.subspan(transport_at)).checksum();
    store_u16(all, transport_at + (tcp ? 16 : 6), checksum == 0 && !tcp ? std::uint16_t{0xffff} : checksum);
    return bytes;
  }
  /// What the same sender sends behind it.
  [[nodiscard]] Segment next(std::size_t size) const {
    auto segment = *this;
    segment.sequence += static_cast<std::uint32_t>(data.size());
    ++segment.id;
    segment.data.resize(size);
    for (auto& byte : segment.data) byte = static_cast<std::uint8_t>(byte * 5 + 3);
    return segment;
  }
};

/// Takes super-frames and cuts them again.
struct Taken final : JoinedFrames {
  struct Output {
    std::uint32_t mark;
    OffloadHeader header;
    Bytes bytes;
    std::size_t frames;
  };
  std::vector<Output> outputs;

  void on_joined(std::uint32_t mark, OffloadHeader const& header, std::span<ByteView const> parts,
                 std::size_t frames) override {
    Output output{mark, header, {}, frames};
    for (auto const part : parts) output.bytes.insert(output.bytes.end(), part.begin(), part.end());
    outputs.push_back(std::move(output));
  }
  [[nodiscard]] std::vector<std::size_t> sizes() const {
    std::vector<std::size_t> sizes;
    for (auto const& output : outputs) sizes.push_back(output.frames);
    return sizes;
  }
  [[nodiscard]] std::vector<Bytes> cut() const {
    std::vector<Bytes> frames;
    for (auto const& output : outputs) {
      if (!output.header.is_super_frame()) {
        EXPECT_EQ(output.frames, 1U);
        frames.push_back(output.bytes);
        continue;
      }
      auto cutter = FrameCutter::create(output.header, output.bytes);
      EXPECT_TRUE(cutter);
      if (!cutter) continue;
      EXPECT_EQ(cutter->remaining(), output.frames);
      while (!cutter->done()) {
        Bytes frame(cutter->next_size());
        cutter->write_next(frame);
        frames.push_back(std::move(frame));
      }
    }
    return frames;
  }
};

using Frames = std::vector<Bytes>;
using Sizes = std::vector<std::size_t>;

Taken join(Frames const& frames, FrameJoiner::Options options = {.tcp = true, .udp = true}) {
  Taken taken;
  FrameJoiner joiner{options, taken};
  for (auto const& frame : frames) joiner.add(7, frame);
  joiner.flush();
  for (auto const& output : taken.outputs) EXPECT_EQ(output.mark, 7U);
  return taken;
}

/// Joined into super-frames of these numbers of frames, which cut again give the same.
void expect_joined(Frames const& frames, Sizes const& sizes) {
  auto const taken = join(frames);
  EXPECT_EQ(taken.sizes(), sizes);
  EXPECT_TRUE(taken.cut() == frames);
}

TEST(FrameJoiner, ASuperFrameIsWhatTheKernelWouldHaveSent) {
  Segment const first{.data = Bytes{1, 2, 3, 4}};
  auto second = first.next(2);
  second.flags = 0x18;
  auto const taken = join({first.frame(), second.frame()});
  ASSERT_EQ(taken.sizes(), Sizes{2});
  auto const& super = taken.outputs[0];
  EXPECT_EQ(super.header, (OffloadHeader{.flags = OffloadHeader::kNeedsChecksum,
                                         .gso_type = OffloadHeader::kTcpV4,
                                         .header_length = 66,
                                         .gso_size = 4,
                                         .checksum_start = 34,
                                         .checksum_offset = 16}));
  EXPECT_EQ(to_hex(super.bytes),
            "c2bb00000002c2aa000000010800"
            "4500003a00644000400626180a2000010a200002"
            "9c401389000003e80000004d801801f4146f00000101080a0000000500000009"
            "01020304080d");
}

TEST(FrameJoiner, JoinsWhatFollows) {
  for (bool const ipv6 : {false, true}) {
    for (bool const tcp : {false, true}) {
      Segment const a{.ipv6 = ipv6, .tcp = tcp};
      auto const b = a.next(100);
      auto const c = b.next(30);
      auto const d = c.next(30);
      expect_joined({a.frame(), b.frame(), c.frame(), d.frame()}, {3, 1});
    }
  }
}

TEST(FrameJoiner, PushAndFinEndIt) {
  for (unsigned const flag : {0x08U, 0x01U}) {
    Segment const a;
    auto b = a.next(100);
    b.flags = static_cast<std::uint8_t>(b.flags | flag);
    auto c = b.next(100);
    auto const d = c.next(100);
    expect_joined({a.frame(), b.frame(), c.frame(), d.frame()}, {2, 1, 1});
    c.flags = 0x10;
    expect_joined({a.frame(), b.frame(), c.frame(), d.next(100).frame()}, {2, 1, 1});
  }
}

TEST(FrameJoiner, DifferencesAreKept) {
  Segment const a;
  std::map<std::string, std::function<void(Segment&)>> const changes{
      {"gap", [](Segment& s) { s.sequence += 1; }},
      {"repeated", [](Segment& s) { s.sequence -= 100; }},
      {"acknowledgement", [](Segment& s) { s.acknowledged += 1; }},
      {"window", [](Segment& s) { s.window += 1; }},
      {"options", [](Segment& s) { s.time_stamp += 1; }},
      {"urgent", [](Segment& s) { s.flags |= 0x20; }},
      {"reset", [](Segment& s) { s.flags |= 0x04; }},
      {"syn", [](Segment& s) { s.flags |= 0x02; }},
      {"congestion window", [](Segment& s) { s.flags |= 0x80; }},
      {"echo", [](Segment& s) { s.flags |= 0x40; }},
      {"no acknowledgement", [](Segment& s) { s.flags = 0; }},
      {"identification", [](Segment& s) { s.id += 1; }},
      {"fragment", [](Segment& s) { s.flags_and_offset = Ipv4View::kMoreFragments; }},
      {"fragments allowed", [](Segment& s) { s.flags_and_offset = 0; }},
      {"traffic class", [](Segment& s) { s.traffic_class = 3; }},
      {"longer", [](Segment& s) { s.data.push_back(1); }},
      {"empty", [](Segment& s) { s.data.clear(); }},
      {"port", [](Segment& s) { s.port = 80; }},
      {"protocol", [](Segment& s) { s.tcp = false; }},
  };
  for (auto const& [name, change] : changes) {
    SCOPED_TRACE(name);
    auto b = a.next(100);
    change(b);
    expect_joined({a.frame(), b.frame()}, {1, 1});
  }
}

TEST(FrameJoiner, DamageStaysVisible) {
  Segment const a;
  for (std::size_t const at : {24U, 45U, 100U}) {
    auto damaged = a.next(100).frame();
    damaged[at] ^= 1;
    expect_joined({a.frame(), damaged}, {1, 1});
    expect_joined({damaged, a.next(100).next(100).frame()}, {1, 1});
  }
}

TEST(FrameJoiner, NothingOvertakesWithinAFlow) {
  Segment const a;
  auto const b = a.next(100);
  auto acknowledgement = b.next(0);
  auto const c = b.next(100);
  auto fragment = a;
  fragment.flags_and_offset = Ipv4View::kMoreFragments;
  expect_joined({a.frame(), b.frame(), acknowledgement.frame(), c.frame(), fragment.frame()}, {2, 1, 1, 1});
}

TEST(FrameJoiner, UdpWithOneIdentificationIsJoinedIfItMeansNothing) {
  Segment const a{.tcp = false};
  auto b = a.next(100);
  auto c = b.next(100);
  b.id = c.id = a.id;
  EXPECT_EQ(join({a.frame(), b.frame(), c.frame()}).sizes(), Sizes{3});
  c.id = static_cast<std::uint16_t>(a.id + 2);
  EXPECT_EQ(join({a.frame(), b.frame(), c.frame()}).sizes(), (Sizes{2, 1}));
  auto fragmentable = a;
  fragmentable.flags_and_offset = b.flags_and_offset = 0;
  expect_joined({fragmentable.frame(), b.frame()}, {1, 1});
}

TEST(FrameJoiner, UdpIsLeftAloneUnlessWanted) {
  Segment const a{.tcp = false};
  EXPECT_EQ(join({a.frame(), a.next(100).frame()}, {.tcp = true, .udp = false}).sizes(), (Sizes{1, 1}));
  auto unchecked = a.next(100).frame();
  store_u16(unchecked, 40, 0);
  EXPECT_EQ(join({a.frame(), unchecked}).sizes(), (Sizes{1, 1}));
}

TEST(FrameJoiner, MarksAreKeptApart) {
  Segment const a;
  auto const first = a.frame();
  auto const second = a.next(100).frame();
  Taken taken;
  FrameJoiner joiner{{}, taken};
  joiner.add(1, first);
  joiner.add(2, second);
  joiner.flush();
  EXPECT_EQ(taken.sizes(), (Sizes{1, 1}));
  EXPECT_NE(taken.outputs[0].mark, taken.outputs[1].mark);
}

TEST(FrameJoiner, NoSuperFrameIsTooLong) {
  Frames frames;
  Segment segment{.data = Bytes(1398, 1)};
  for (int i = 0; i < 100; ++i, segment = segment.next(1398)) frames.push_back(segment.frame());
  expect_joined(frames, {46, 46, 8});
  frames.clear();
  segment.data.resize(10);
  for (int i = 0; i < 100; ++i, segment = segment.next(10)) frames.push_back(segment.frame());
  expect_joined(frames, {64, 36});
}

/// Some senders, whose frames come mixed; now and then one is lost, damaged, repeated or of another kind.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed) : random_{seed} {
    for (std::uint16_t i = 0; i < 12; ++i) {
      flows_.push_back({.ipv6 = below(3) == 0, .tcp = below(3) != 0, .port = static_cast<std::uint16_t>(5000 + i)});
    }
  }
  Bytes frame() {
    auto& flow = flows_[below(4) == 0 ? below(flows_.size()) : last_];
    last_ = static_cast<std::size_t>(&flow - flows_.data());
    flow = flow.next(below(8) == 0 ? below(700) : 700);
    auto sent = flow;
    if (below(16) == 0) sent.flags |= static_cast<std::uint8_t>(1U << below(8));
    if (below(32) == 0) flow.acknowledged += 10;
    if (below(32) == 0) flow.sequence += 10;
    if (below(64) == 0) sent.flags_and_offset = Ipv4View::kMoreFragments;
    auto bytes = sent.frame();
    if (below(32) == 0) bytes[below(bytes.size())] ^= static_cast<std::uint8_t>(1U << below(8));
    if (below(64) == 0) bytes.resize(below(bytes.size() + 1));
    return bytes;
  }
  std::size_t below(std::size_t limit) { return random_.below(limit); }

 private:
  SeededRandom random_;
  std::vector<Segment> flows_;
  std::size_t last_ = 0;
};

/// Bytes of a frame that name its flow: protocol, addresses, ports; equal for all that is neither IPv4 nor IPv6.
Bytes flow_of(ByteView frame) {
  if (frame.size() < 38) return {};
  bool const ipv6 = load_u16(frame, 12) == kEtherTypeIpv6;
  if (ipv6 ? frame.size() < 58 : load_u16(frame, 12) != kEtherTypeIpv4) return {};
  auto const flow = ipv6 ? frame.subspan(22, 36) : frame.subspan(26, 12);
  Bytes name{frame[ipv6 ? 20 : 23]};
  name.insert(name.end(), flow.begin(), flow.end());
  return name;
}

std::map<Bytes, Frames> by_flow(Frames const& frames) {
  std::map<Bytes, Frames> flows;
  for (auto const& frame : frames) flows[flow_of(frame)].push_back(frame);
  return flows;
}

TEST(FrameJoiner, WhatIsCutAgainIsTheSameInTheSameOrder) {
  std::size_t joined = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomStream stream{seed};
    Frames frames;
    for (int i = 0; i < 200; ++i) frames.push_back(stream.frame());
    auto const taken = join(frames);
    auto const cut = taken.cut();
    ASSERT_EQ(cut.size(), frames.size()) << seed;
    ASSERT_TRUE(by_flow(cut) == by_flow(frames)) << seed;
    joined += cut.size() - taken.outputs.size();
  }
  EXPECT_GT(joined, 20'000U) << "hardly anything was joined";
}

} // namespace
} // namespace weave::datapath
