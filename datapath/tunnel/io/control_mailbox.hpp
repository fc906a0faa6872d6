#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "datapath/tunnel/sleeve_io.hpp"

namespace weave::datapath {

/// Runs a call soon on the control thread, in the order of the calls; may be used from any thread.
using PostToControl = std::function<void(std::function<void()>)>;

/// Carries a worker's events to the control thread. Bounded: while kPending of them wait there, more are refused, so
/// that a flood of packets does not grow the control thread's queue. After close() nothing is delivered any more, also
/// not what is under way.
class ControlMailbox : public std::enable_shared_from_this<ControlMailbox> {
 public:
  static constexpr std::size_t kPending = 64;

  ControlMailbox(SleeveEvents events, PostToControl post) : events_{std::move(events)}, post_{std::move(post)} {}

  // Worker thread. False: refused.
  bool special(PeerName peer, Ipv4Endpoint from, SleeveChannel channel, ByteView frame, TimePoint at);
  bool too_big(PeerName peer, ConnectionUid connection, std::uint32_t path_mtu);
  bool send_error(PeerName peer, ConnectionUid connection, Error error);
  /// Is never refused: for what happens once.
  void call(std::function<void()> what);

  /// Control thread.
  void close() { open_ = false; }

 private:
  bool deliver(std::function<void()> call);
  void post(std::function<void()> call);

  SleeveEvents events_;
  PostToControl post_;
  std::atomic<std::size_t> waiting_{0};
  bool open_ = true; // control thread
};

} // namespace weave::datapath
