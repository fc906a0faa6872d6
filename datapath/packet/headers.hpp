#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath {

inline constexpr std::size_t kMacSize = 6;
inline constexpr std::size_t kEthernetHeaderSize = 14;
inline constexpr std::size_t kEthernetMinimumFrame = 60;
inline constexpr std::size_t kVlanTagSize = 4;
inline constexpr std::size_t kIpv4HeaderSize = 20;
inline constexpr std::size_t kIpv4MaximumHeaderSize = 60;
inline constexpr std::size_t kIpv6HeaderSize = 40;
/// Every IPv6 link carries this (RFC 8200 §5).
inline constexpr std::size_t kIpv6MinimumMtu = 1280;
inline constexpr std::size_t kUdpHeaderSize = 8;
inline constexpr std::size_t kTcpHeaderSize = 20;
inline constexpr std::size_t kIcmpHeaderSize = 8;

enum EtherType : std::uint16_t {
  kEtherTypeIpv4 = 0x0800,
  kEtherTypeArp = 0x0806,
  kEtherTypeVlan = 0x8100,
  kEtherTypeServiceVlan = 0x88a8,
  kEtherTypeIpv6 = 0x86dd
};
enum IpProtocol : std::uint8_t { kProtocolIcmp = 1, kProtocolTcp = 6, kProtocolUdp = 17, kProtocolIcmpv6 = 58 };

// Views: checked once by `parse`, do not own their bytes, live as long as these, allocate nothing. Byte order is
// handled in the accessors. A view that exists never reads out of bounds.

/// destination (6) | source (6) | type or length (2) | payload
class EthernetView {
 public:
  [[nodiscard]] static std::optional<EthernetView> parse(ByteView frame) {
    if (frame.size() < kEthernetHeaderSize) return std::nullopt;
    return EthernetView{frame};
  }

  [[nodiscard]] MacAddress destination() const { return mac(0); }
  [[nodiscard]] MacAddress source() const { return mac(kMacSize); }
  /// EtherType, or an 802.3 length if below 1536. Tags are not skipped.
  [[nodiscard]] std::uint16_t type() const { return load_u16(frame_, 2 * kMacSize); }
  [[nodiscard]] ByteView frame() const { return frame_; }
  [[nodiscard]] ByteView payload() const { return frame_.subspan(kEthernetHeaderSize); }

 private:
  explicit EthernetView(ByteView frame) : frame_{frame} {}
  [[nodiscard]] MacAddress mac(std::size_t offset) const {
    std::array<std::uint8_t, kMacSize> bytes;
    std::copy_n(frame_.begin() + static_cast<std::ptrdiff_t>(offset), kMacSize, bytes.begin());
    return MacAddress{bytes};
  }

  ByteView frame_;
};

/// IPv4 header with options; what follows the total length (Ethernet padding) is not part of it.
class Ipv4View {
 public:
  static constexpr std::uint16_t kDontFragment = 0x4000;
  static constexpr std::uint16_t kMoreFragments = 0x2000;
  static constexpr std::uint16_t kOffsetMask = 0x1fff;

  /// `packet` starts at the IP header. Accepts a total length of 0 (super-frames) as "to the end" and one that exceeds
  /// the bytes present as truncated, as the original's decoder does.
  [[nodiscard]] static std::optional<Ipv4View> parse(ByteView packet) {
    if (packet.size() < kIpv4HeaderSize || packet[0] >> 4 != 4) return std::nullopt;
    std::size_t const header = (packet[0] & 0x0fU) * 4U;
    std::size_t total = load_u16(packet, 2);
    if (total == 0) total = packet.size();
    if (header < kIpv4HeaderSize || header > total || header > packet.size()) return std::nullopt;
    return Ipv4View{packet.first(std::min(total, packet.size())), header};
  }

  [[nodiscard]] std::size_t header_size() const { return header_size_; }
  /// Header and payload as present.
  [[nodiscard]] std::size_t size() const { return packet_.size(); }
  [[nodiscard]] std::uint8_t type_of_service() const { return packet_[1]; }
  [[nodiscard]] std::uint16_t identification() const { return load_u16(packet_, 4); }
  /// Flags and offset as on the wire; see the masks.
  [[nodiscard]] std::uint16_t flags_and_offset() const { return load_u16(packet_, 6); }
  [[nodiscard]] bool dont_fragment() const { return (flags_and_offset() & kDontFragment) != 0; }
  [[nodiscard]] bool more_fragments() const { return (flags_and_offset() & kMoreFragments) != 0; }
  /// In units of 8 bytes.
  [[nodiscard]] std::uint16_t fragment_offset() const { return flags_and_offset() & kOffsetMask; }
  [[nodiscard]] std::uint8_t time_to_live() const { return packet_[8]; }
  [[nodiscard]] std::uint8_t protocol() const { return packet_[9]; }
  [[nodiscard]] Ipv4Address source() const { return Ipv4Address{load_u32(packet_, 12)}; }
  [[nodiscard]] Ipv4Address destination() const { return Ipv4Address{load_u32(packet_, 16)}; }
  [[nodiscard]] ByteView packet() const { return packet_; }
  [[nodiscard]] ByteView header() const { return packet_.first(header_size_); }
  [[nodiscard]] ByteView payload() const { return packet_.subspan(header_size_); }

 private:
  Ipv4View(ByteView packet, std::size_t header_size) : packet_{packet}, header_size_{header_size} {}

  ByteView packet_;
  std::size_t header_size_;
};

/// The fixed IPv6 header; extension headers belong to the payload, Ethernet padding does not.
class Ipv6View {
 public:
  static constexpr std::size_t kAddressSize = 16;

  /// `packet` starts at the IP header. A payload length of 0 (super-frames) means "to the end"; one that exceeds the
  /// bytes present is truncated.
  [[nodiscard]] static std::optional<Ipv6View> parse(ByteView packet) {
    if (packet.size() < kIpv6HeaderSize || packet[0] >> 4 != 6) return std::nullopt;
    std::size_t const payload = load_u16(packet, 4);
    auto const total = payload == 0 ? packet.size() : std::min(kIpv6HeaderSize + payload, packet.size());
    return Ipv6View{packet.first(total)};
  }

  /// Of what follows: a transport protocol or an extension header.
  [[nodiscard]] std::uint8_t next_header() const { return packet_[6]; }
  [[nodiscard]] ByteView source() const { return packet_.subspan(8, kAddressSize); }
  [[nodiscard]] ByteView destination() const { return packet_.subspan(8 + kAddressSize, kAddressSize); }
  [[nodiscard]] ByteView packet() const { return packet_; }
  [[nodiscard]] ByteView payload() const { return packet_.subspan(kIpv6HeaderSize); }

 private:
  explicit Ipv6View(ByteView packet) : packet_{packet} {}
  ByteView packet_;
};

/// source port (2) | destination port (2) | length (2) | checksum (2) | payload
class UdpView {
 public:
  [[nodiscard]] static std::optional<UdpView> parse(ByteView segment) {
    if (segment.size() < kUdpHeaderSize) return std::nullopt;
    return UdpView{segment};
  }
  [[nodiscard]] std::uint16_t source_port() const { return load_u16(segment_, 0); }
  [[nodiscard]] std::uint16_t destination_port() const { return load_u16(segment_, 2); }
  [[nodiscard]] std::uint16_t length() const { return load_u16(segment_, 4); }
  [[nodiscard]] std::uint16_t checksum() const { return load_u16(segment_, 6); }
  [[nodiscard]] ByteView payload() const { return segment_.subspan(kUdpHeaderSize); }

 private:
  explicit UdpView(ByteView segment) : segment_{segment} {}
  ByteView segment_;
};

/// What segmentation needs of TCP.
class TcpView {
 public:
  static constexpr std::uint8_t kFin = 0x01;
  static constexpr std::uint8_t kPush = 0x08;
  static constexpr std::uint8_t kCongestionWindowReduced = 0x80;

  [[nodiscard]] static std::optional<TcpView> parse(ByteView segment) {
    if (segment.size() < kTcpHeaderSize) return std::nullopt;
    std::size_t const header = (segment[12] >> 4) * 4U;
    if (header < kTcpHeaderSize || header > segment.size()) return std::nullopt;
    return TcpView{segment, header};
  }
  [[nodiscard]] std::size_t header_size() const { return header_size_; }
  [[nodiscard]] std::uint32_t sequence() const { return load_u32(segment_, 4); }
  [[nodiscard]] std::uint8_t flags() const { return segment_[13]; }
  [[nodiscard]] std::uint16_t checksum() const { return load_u16(segment_, 16); }
  [[nodiscard]] ByteView payload() const { return segment_.subspan(header_size_); }

 private:
  TcpView(ByteView segment, std::size_t header_size) : segment_{segment}, header_size_{header_size} {}
  ByteView segment_;
  std::size_t header_size_;
};

/// type (1) | code (1) | checksum (2) | rest of header (4) | data
class IcmpView {
 public:
  static constexpr std::uint8_t kDestinationUnreachable = 3;
  static constexpr std::uint8_t kFragmentationNeeded = 4;

  [[nodiscard]] static std::optional<IcmpView> parse(ByteView message) {
    if (message.size() < kIcmpHeaderSize) return std::nullopt;
    return IcmpView{message};
  }
  [[nodiscard]] std::uint8_t type() const { return message_[0]; }
  [[nodiscard]] std::uint8_t code() const { return message_[1]; }
  [[nodiscard]] std::uint16_t checksum() const { return load_u16(message_, 2); }
  /// In "fragmentation needed" the MTU of the next hop.
  [[nodiscard]] std::uint16_t next_hop_mtu() const { return load_u16(message_, 6); }
  [[nodiscard]] ByteView data() const { return message_.subspan(kIcmpHeaderSize); }
  /// Messages about other packets; none may be answered with an error (RFC 1122 3.2.2).
  [[nodiscard]] bool is_error() const {
    return type() == kDestinationUnreachable || type() == 4 || type() == 5 || type() == 11 || type() == 12;
  }

 private:
  explicit IcmpView(ByteView message) : message_{message} {}
  ByteView message_;
};

} // namespace weave::datapath
