#include "datapath/tunnel/sleeve_special.hpp"

#include <algorithm>

#include "datapath/packet/byte_order.hpp"

namespace weave::datapath {

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
