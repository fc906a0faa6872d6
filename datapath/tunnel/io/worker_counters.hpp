#pragma once

#include <atomic>
#include <cstdint>

#include "datapath/bridge/drop_reason.hpp"

namespace weave::datapath {

/// A number that a few threads advance and any thread reads.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// What a packet worker has done since it was made. Frames are containers' Ethernet frames, packets are UDP payloads.
struct WorkerCounters {
  // From the user port.
  Counter captured_frames; ///< as read: a super-frame counts once
  Counter cut_frames;      ///< made out of super-frames
  Counter capture_faults;  ///< offload headers that contradict the frame
  // To the user port.
  Counter injected_frames;
  Counter injection_failures;
  Counter joined_frames; ///< of those injected or failed, in super-frames
  // To neighbours.
  Counter sent_packets;
  Counter sent_frames;
  Counter fragments;       ///< IPv4 fragments made here, also in sent_frames
  Counter too_big_answers; ///< ICMP "fragmentation needed" made here
  Counter too_big_packets; ///< df and VXLAN packets that the kernel refused as too big
  Counter send_failures;   ///< packets that it refused for another reason
  // To neighbours by VXLAN from user space; fragments and what was too big count above.
  Counter tunnel_packets;
  Counter tunnel_failures; ///< refused for another reason than their size
  // From neighbours.
  Counter received_packets;
  Counter received_frames;
  Counter special_frames;
  // Dropped before a decision.
  Counter unknown_sender;      ///< packets from somebody without a path
  Counter malformed_packets;   ///< short, or their last frame cut
  Counter unauthentic_packets; ///< clear, changed, or of another key where encryption is wanted
  Counter replayed_packets;    ///< seen before, or too old to tell
  Counter foreign_specials;    ///< special frames that are not from the sender to us
  Counter events_lost;         ///< special frames that the control thread was too slow for
  Counter commands_lost;       ///< special frames to be sent that found the queue full or no path
  // Dropped after a decision.
  Counter no_path;        ///< the next hop has no sleeve path
  Counter no_address;     ///< it has, but its address is not known yet
  Counter too_big;        ///< beyond the path's mtu, no fragmenting, nobody to tell
  Counter oversize;       ///< no packet can hold it
  DropCounters decisions; ///< by the forwarding decision
};

} // namespace weave::datapath
