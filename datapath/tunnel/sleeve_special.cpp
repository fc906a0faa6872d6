#include "datapath/tunnel/sleeve_special.hpp"

#include <algorithm>

#include "datapath/packet/byte_order.hpp"

namespace weave::datapath {

namespace {

constexpr std::size_t kUidAt = kSleeveEthernet;
constexpr std::size_t kVersionAt = kUidAt + 8;
constexpr std::size_t kIntervalAt = kVersionAt + 2;
constexpr std::size_t kSequenceAt = kIntervalAt + 4;
constexpr std::size_t kEchoAt = kSequenceAt + 4;
static_assert(kEchoAt + kPathEchoSize == kSleeveProbeSize);
constexpr std::uint8_t kVersion = 1;

} // namespace

Bytes make_probe(SleeveProbe const& probe) {
  Bytes frame(kSleeveProbeSize);
  store_u64(frame, kUidAt, static_cast<std::uint64_t>(probe.uid));
  frame[kVersionAt] = kVersion;
  store_u32(frame, kIntervalAt, probe.interval_ms);
  store_u32(frame, kSequenceAt, probe.sequence);
  encode_path_echo(MutableBytes{frame}.subspan(kEchoAt), probe.echo);
  return frame;
}

std::optional<SleeveProbe> read_probe(ByteView frame) {
  if (frame.size() < kSleeveProbeSize || frame.size() > kLongestSleeveProbe) return std::nullopt;
  if (!is_all_zero(frame.first(kSleeveEthernet)) || frame[kVersionAt] < kVersion) return std::nullopt;
  return SleeveProbe{.uid = ConnectionUid{load_u64(frame, kUidAt)},
                     .sequence = load_u32(frame, kSequenceAt),
                     .interval_ms = load_u32(frame, kIntervalAt),
                     .echo = decode_path_echo(frame.subspan(kEchoAt))};
}

Bytes make_heartbeat(ConnectionUid uid) {
  Bytes frame(kHeartbeatSize);
  store_u64(frame, kSleeveEthernet, static_cast<std::uint64_t>(uid));
  return frame;
}

Bytes make_fragmentation_test() { return Bytes(kFragmentationTestSize); }
Bytes make_discovery() { return Bytes(kDiscoverySize); }
Bytes make_path_mtu_test(std::uint32_t mtu) { return Bytes(SleeveMtu::test_frame_size(mtu)); }

std::optional<ConnectionUid> heartbeat_uid(ByteView frame) {
  if (frame.size() != kHeartbeatSize || !is_all_zero(frame.first(kSleeveEthernet))) return std::nullopt;
  return ConnectionUid{load_u64(frame, kSleeveEthernet)};
}

bool is_all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

} // namespace weave::datapath
