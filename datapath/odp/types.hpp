#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"

namespace weave::datapath::odp {

/// The objects of the Open vSwitch kernel datapath (linux/openvswitch.h; protocol/datapath.md §6) as values.

/// Number of a vport within its datapath.
enum class PortNo : std::uint32_t {};

enum class VportType : std::uint32_t { unspecified = 0, netdev = 1, internal = 2, gre = 3, vxlan = 4, geneve = 5 };

struct VportSpec {
  std::string name;
  VportType type = VportType::netdev;
  /// For vxlan.
  std::optional<std::uint16_t> udp_port = {};

  friend bool operator==(VportSpec const&, VportSpec const&) = default;
};

struct VportStats {
  std::uint64_t received_packets = 0, sent_packets = 0;
  std::uint64_t received_bytes = 0, sent_bytes = 0;
  std::uint64_t receive_errors = 0, send_errors = 0;
  std::uint64_t receive_drops = 0, send_drops = 0;

  friend bool operator==(VportStats const&, VportStats const&) = default;
};

struct Vport {
  PortNo number{};
  std::string name;
  VportType type = VportType::unspecified;
  std::optional<std::uint16_t> udp_port = {};
  VportStats stats = {};
  /// Netlink port ids that its upcalls go to.
  std::vector<std::uint32_t> upcall_pids = {};

  friend bool operator==(Vport const&, Vport const&) = default;
};

/// An attribute that we have no use for: type and payload as received.
struct RawAttribute {
  std::uint16_t type = 0;
  Bytes payload = {};
  friend bool operator==(RawAttribute const&, RawAttribute const&) = default;
};

/// Tunnel metadata of a packet, or those that an action sets. Numbers in host order; `id` is the VNI.
struct TunnelKey {
  std::uint64_t id = 0;
  Ipv4Address source;
  Ipv4Address destination;
  std::uint8_t tos = 0;
  std::uint8_t ttl = 0;
  bool dont_fragment = false;
  bool checksum = false;

  friend bool operator==(TunnelKey const&, TunnelKey const&) = default;
};

/// A MAC address with the bits that count.
struct MaskedMac {
  MacAddress value;
  /// All zero: any address.
  MacAddress mask;

  [[nodiscard]] static constexpr MaskedMac exactly(MacAddress mac) {
    return {mac, MacAddress{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}};
  }
  friend bool operator==(MaskedMac const&, MaskedMac const&) = default;
};

/// Tunnel id and both outer addresses, all exact; the rest of the tunnel is not looked at.
struct TunnelMatch {
  std::uint64_t id = 0;
  Ipv4Address source;
  Ipv4Address destination;
  friend auto operator<=>(TunnelMatch const&, TunnelMatch const&) = default;
};

/// The VLAN tags of a frame: the outermost has type `type` and, with `id`, that VID. The kernel always looks at the
/// number of tags up to two: without `inner_type` there is no second one, with it the second has that type.
struct VlanMatch {
  std::optional<std::uint16_t> id = {};
  /// 0x8100 or 0x88a8.
  std::uint16_t type = 0x8100;
  std::optional<std::uint16_t> inner_type = {};
  friend bool operator==(VlanMatch const&, VlanMatch const&) = default;
};

/// In flows of somebody else: any ingress.
inline constexpr PortNo kAnyPort{0xffff'ffff};

/// Key and mask of a flow, as far as we make them. `other` holds further attributes of flows that somebody else made:
/// pairs of key and mask attribute; only for printing.
struct FlowMatch {
  PortNo in_port{};
  MaskedMac source = {};
  MaskedMac destination = {};
  /// Absent: packets that came out of no tunnel, and of any for ports that are not VXLAN.
  std::optional<TunnelMatch> tunnel = {};
  /// Absent: untagged packets only (a flow of the kernel cannot match both; protocol/datapath.md §6).
  std::optional<VlanMatch> vlan = {};
  std::vector<std::pair<RawAttribute, RawAttribute>> other = {};

  friend bool operator==(FlowMatch const&, FlowMatch const&) = default;
};

struct OutputAction {
  PortNo port{};
  friend bool operator==(OutputAction const&, OutputAction const&) = default;
};
struct SetTunnelAction {
  TunnelKey tunnel;
  friend bool operator==(SetTunnelAction const&, SetTunnelAction const&) = default;
};
struct PushVlanAction {
  /// 0x8100 or 0x88a8.
  std::uint16_t type = 0x8100;
  /// PCP and VID; bit 12 (0x1000) is set on the wire to the kernel by the codec and cleared by it when read.
  std::uint16_t tci = 0;
  friend bool operator==(PushVlanAction const&, PushVlanAction const&) = default;
};
struct PopVlanAction {
  friend bool operator==(PopVlanAction const&, PopVlanAction const&) = default;
};
using Action = std::variant<OutputAction, SetTunnelAction, PushVlanAction, PopVlanAction, RawAttribute>;
/// Empty: drop.
using Actions = std::vector<Action>;

/// Unique flow identifier, chosen by whoever installs the flow.
using Ufid = std::array<std::uint8_t, 16>;

struct FlowStats {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  /// Kernel monotonic time (CLOCK_MONOTONIC) of the last packet; absent: never used.
  std::optional<std::chrono::milliseconds> used = {};
  friend bool operator==(FlowStats const&, FlowStats const&) = default;
};

struct Flow {
  FlowMatch match;
  Actions actions = {};
  std::optional<Ufid> ufid = {};
  FlowStats stats = {};
  /// Of a flow without ufid that was read from the kernel: its whole key as received, by which the kernel knows it.
  Bytes raw_key = {};
  friend bool operator==(Flow const&, Flow const&) = default;
};

/// A packet without a flow, with the parts of its key that we decide by. Refers to the receive buffer.
struct Upcall {
  PortNo in_port{};
  std::optional<TunnelKey> tunnel = {};
  ByteView packet;
};

struct DatapathStats {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  /// Misses that no socket took.
  std::uint64_t lost = 0;
  std::uint64_t flows = 0;
  friend bool operator==(DatapathStats const&, DatapathStats const&) = default;
};

} // namespace weave::datapath::odp
