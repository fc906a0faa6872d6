#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "datapath/packet/checksum.hpp"
#include "test/system/fast_path_host.hpp"

namespace weave::test {

/// Three hosts with a FastPath.
class FastPathContract : public testing::TestWithParam<FastPathCase> {
 protected:
  void SetUp() override {
    if (auto const reason = lab.build(3, GetParam()); !reason.empty()) GTEST_SKIP() << reason;
  }
  FastPathHost& a() { return lab.host(1); }
  FastPathHost& b() { return lab.host(2); }
  FastPathHost& c() { return lab.host(3); }

  /// Ten frames to everybody from each host: the others receive each once, the sender none.
  void expect_broadcasts_once() {
    for (auto const& host : lab.hosts) {
      for (int i = 0; i < 10; ++i) host->send(kEverybody);
      for (auto const& other : lab.hosts) {
        EXPECT_EQ(other->received(other == host ? 0 : 10), other == host ? 0 : 10)
            << host->number << " to " << other->number;
      }
    }
  }

  FastPathLab lab;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FastPathContract);

/// The tag of a frame for somebody from ourself or from `source`.
inline datapath::UserTag tag_for(ShortId destination, std::optional<ShortId> source = {}) {
  return {.source = source, .destination = destination};
}
inline datapath::UserTag flooded(datapath::UserTag tag) {
  tag.flooded = true;
  return tag;
}

/// Destination, source, tags, rest: what a frame from the user port begins with.
inline std::optional<datapath::UserTag> tag_of(std::optional<PacketSocket::Frame>& frame) {
  if (!frame) return std::nullopt;
  auto const untagged = datapath::remove_user_tag(frame->header, frame->bytes);
  if (!untagged) return std::nullopt;
  auto const tag = untagged->tag;
  PacketSocket::Frame rest{untagged->header, Bytes{untagged->bytes.begin(), untagged->bytes.end()}};
  frame = std::move(rest);
  return tag;
}

inline Bytes heartbeat_frame(std::size_t size, std::uint8_t mark) {
  Bytes frame(size);
  for (std::size_t i = 14; i < std::min<std::size_t>(size, 64); ++i) frame[i] = static_cast<std::uint8_t>(mark + i);
  return frame;
}

/// A TCP segment of `payload` bytes that the kernel is to cut.
inline std::pair<datapath::OffloadHeader, Bytes> super_frame(MacAddress destination, MacAddress source,
                                                             std::size_t payload) {
  ByteWriter writer;
  writer.raw(destination.bytes()).raw(source.bytes()).u16(0x0800);
  writer.u8(0x45).u8(0).u16(static_cast<std::uint16_t>(40 + payload)).u16(1).u16(0x4000).u8(64).u8(6).u16(0);
  writer.u32(0x0a200001).u32(0x0a200002);
  writer.u16(1000).u16(2000).u32(1).u32(1).u8(0x50).u8(0x18).u16(500).u16(0).u16(0);
  Bytes frame = writer.take();
  datapath::write_ipv4_checksum(datapath::MutableBytes{frame}.subspan(14, 20));
  for (std::size_t i = 0; i < payload; ++i) frame.push_back(static_cast<std::uint8_t>(i));
  datapath::OffloadHeader const header{.flags = datapath::OffloadHeader::kNeedsChecksum,
                                       .gso_type = datapath::OffloadHeader::kTcpV4,
                                       .header_length = 54,
                                       .gso_size = 1336,
                                       .checksum_start = 34,
                                       .checksum_offset = 16};
  return {header, std::move(frame)};
}

} // namespace weave::test
