#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "datapath/packet/headers.hpp"
#include "datapath/packet/offload.hpp"

namespace weave::datapath {

/// Takes what a FrameJoiner makes, within its methods.
class JoinedFrames {
 public:
  virtual ~JoinedFrames() = default;

  /// One frame, or a super-frame made of `frames` of them, as the parts one after the other. `mark` is that of add().
  virtual void on_joined(std::uint32_t mark, OffloadHeader const& header, std::span<ByteView const> parts,
                         std::size_t frames) = 0;
};

/// The inverse of FrameCutter: joins frames of one flow that follow each other into a super-frame which, cut again,
/// gives the same frames. Joined are untagged IPv4 (without options, not fragmented) and IPv6 packets (without
/// extension headers)
///
///  - of TCP: with data, in sequence, alike in all headers but sequence, PSH, FIN and checksum; none with SYN, RST, URG
///    or CWR. The last may be shorter or carry PSH or FIN, what carries one of these ends the super-frame;
///  - of UDP, if wanted: of one length, the last may be shorter. With DF the IPv4 identifications may also be equal.
///
/// A frame is only joined if its checksums are right, so that damage stays visible. Frames of one flow leave in their
/// order, those of others may overtake them. Copies headers only: the frames' bytes must stay as they are until
/// flush(). One thread; nothing is allocated.
class FrameJoiner {
 public:
  static constexpr std::size_t kFrames = 64;
  static constexpr std::size_t kFlows = 8;

  struct Options {
    bool tcp = true;
    bool udp = false;
  };

  FrameJoiner(Options options, JoinedFrames& output) : options_{options}, output_{output} {}
  FrameJoiner(FrameJoiner const&) = delete;
  FrameJoiner& operator=(FrameJoiner const&) = delete;

  /// Any complete Ethernet frame. Frames of different marks are not joined.
  void add(std::uint32_t mark, ByteView frame);
  /// Hands out all that is still held.
  void flush();

 private:
  /// What was found in a frame; offsets from its first byte.
  struct Layout {
    std::size_t transport = 0;
    std::size_t payload = 0;
    bool ipv6 = false;
    bool tcp = false;
    /// May be part of a super-frame.
    bool joinable = false;

    [[nodiscard]] std::size_t checksum_offset() const { return tcp ? 16 : 6; }
  };
  struct Flow {
    std::uint32_t mark = 0;
    Layout layout;
    ByteView first;
    std::size_t frames = 0; // 0: not in use
    std::size_t bytes = 0;  // of payload
    std::size_t piece = 0;
    bool same_identification = false;
    std::uint8_t last_flags = 0;
    std::array<ByteView, kFrames + 1> parts; // the headers, then payload
    std::array<std::uint8_t, kEthernetHeaderSize + kIpv6HeaderSize + 60> headers;
  };

  [[nodiscard]] static std::optional<Layout> find_layout(ByteView frame);
  [[nodiscard]] static bool is_tcp_joinable(ByteView frame, Layout& layout);
  [[nodiscard]] static bool is_udp_joinable(ByteView frame, Layout& layout);
  [[nodiscard]] static bool checksums_hold(ByteView frame, Layout const& layout);
  [[nodiscard]] static bool same_flow(Flow const& flow, std::uint32_t mark, ByteView frame, Layout const& layout);
  [[nodiscard]] static bool continues(Flow& flow, ByteView frame, Layout const& layout);
  [[nodiscard]] static bool identification_fits(Flow& flow, ByteView frame);
  [[nodiscard]] static bool is_last(Flow const& flow, ByteView frame, Layout const& layout);
  [[nodiscard]] Flow* find(std::uint32_t mark, ByteView frame, Layout const& layout);
  void begin(std::uint32_t mark, ByteView frame, Layout const& layout);
  void append(Flow& flow, ByteView frame, Layout const& layout);
  void pass(std::uint32_t mark, ByteView frame);
  void finish(Flow& flow);
  static OffloadHeader finish_headers(Flow& flow);

  Options options_;
  JoinedFrames& output_;
  std::array<Flow, kFlows> flows_;
  std::size_t in_use_ = 0;
  std::size_t next_ = 0; // the flow that gives way when all are in use
};

} // namespace weave::datapath
