#pragma once

#include <cstddef>
#include <cstdint>

#include "datapath/packet/classify.hpp"
#include "datapath/tunnel/sleeve_io.hpp"

namespace weave::datapath {

/// How one frame of a container goes out on one path (protocol/datapath.md §4.5).
enum class SleevePlan : std::uint8_t {
  send_df,           ///< whole, on the df channel
  send_fragmentable, ///< whole, on the channel whose packets the kernel may fragment
  fragment,          ///< as IPv4 fragments of at most the path's mtu, each on the df channel
  answer_too_big,    ///< not at all: tell the sender by ICMP, as if from the destination peer to the source peer
  drop_no_address,   ///< the neighbour has not been heard of yet
  drop_too_big,      ///< beyond the mtu, may not be fragmented, and nobody to tell (flooded frame)
  drop_oversize      ///< no sleeve packet can hold it
};

/// Pure; any thread. `frame_size` is the whole Ethernet frame. `flooded`: sent to several hops (broadcast or unknown
/// destination), where no ICMP is due. `kind` is neither runt nor special.
[[nodiscard]] SleevePlan plan_sleeve(SleevePath const& path, FrameKind kind, std::size_t frame_size, bool flooded);

/// The largest IP fragment to make on this path: its mtu, or less where even the largest UDP payload would not hold it.
[[nodiscard]] std::uint32_t fragment_mtu(SleevePath const& path);

} // namespace weave::datapath
