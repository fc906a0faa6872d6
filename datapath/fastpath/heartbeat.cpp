#include "datapath/fastpath/heartbeat.hpp"

#include <algorithm>

#include "datapath/packet/byte_order.hpp"

namespace weave::datapath {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kUidAt = 14;
constexpr std::size_t kLengthAt = 22;
constexpr std::size_t kShortest = 24;

constexpr std::size_t kMagicAt = 24;
constexpr std::size_t kVersionAt = 26;
constexpr std::size_t kFlagsAt = 27;
constexpr std::size_t kSequenceAt = 28;
constexpr std::size_t kIntervalAt = 32;
constexpr std::size_t kMultiplierAt = 34;
constexpr std::size_t kLivenessEnd = 36;
constexpr std::uint16_t kMagic = 0x5746;
constexpr std::size_t kEchoAt = kLivenessEnd;
constexpr std::size_t kEchoEnd = kEchoAt + kPathEchoSize;
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kVersionWithEcho = 2;
constexpr std::uint8_t kHearsYou = 1;

void encode_liveness(MutableBytes frame, LivenessFields const& fields) {
  store_u16(frame, kMagicAt, kMagic);
  bool const has_room = frame.size() >= kEchoEnd;
  frame[kVersionAt] = has_room ? kVersionWithEcho : kVersion;
  frame[kFlagsAt] = fields.hears_you ? kHearsYou : 0;
  store_u32(frame, kSequenceAt, fields.sequence);
  store_u16(frame, kIntervalAt, fields.interval_ms);
  frame[kMultiplierAt] = fields.multiplier;
  if (has_room) encode_path_echo(frame.subspan(kEchoAt), fields.echo);
}

std::optional<LivenessFields> decode_liveness(ByteView head) {
  if (head.size() < kLivenessEnd || load_u16(head, kMagicAt) != kMagic || head[kVersionAt] < kVersion) {
    return std::nullopt;
  }
  bool const has_echo = head[kVersionAt] >= kVersionWithEcho && head.size() >= kEchoEnd;
  return LivenessFields{.sequence = load_u32(head, kSequenceAt),
                        .interval_ms = load_u16(head, kIntervalAt),
                        .multiplier = head[kMultiplierAt],
                        .hears_you = (head[kFlagsAt] & kHearsYou) != 0,
                        .echo = has_echo ? decode_path_echo(head.subspan(kEchoAt)) : std::nullopt};
}

} // namespace

std::uint32_t heartbeat_length(std::uint32_t mtu) {
  return std::max(mtu, static_cast<std::uint32_t>(kShortest - kEthernet)) + static_cast<std::uint32_t>(kEthernet);
}

Bytes encode_heartbeat(Heartbeat const& heartbeat, std::uint32_t mtu) {
  Bytes frame(heartbeat_length(mtu));
  store_u64(frame, kUidAt, static_cast<std::uint64_t>(heartbeat.connection));
  store_u16(frame, kLengthAt, static_cast<std::uint16_t>(frame.size()));
  if (heartbeat.liveness && frame.size() >= kLivenessEnd) encode_liveness(frame, *heartbeat.liveness);
  return frame;
}

Result<Heartbeat> decode_heartbeat(std::uint32_t length, ByteView head) {
  if (length < kShortest || head.size() < kShortest || head.size() > length) {
    return failure(ErrorKind::malformed, "heartbeat is too short");
  }
  if (!std::ranges::all_of(head.first(kEthernet), [](std::uint8_t byte) { return byte == 0; })) {
    return failure(ErrorKind::malformed, "not a heartbeat");
  }
  if (load_u16(head, kLengthAt) != static_cast<std::uint16_t>(length)) {
    return failure(ErrorKind::malformed, "heartbeat was cut or extended");
  }
  return Heartbeat{ConnectionUid{load_u64(head, kUidAt)}, decode_liveness(head)};
}

} // namespace weave::datapath
