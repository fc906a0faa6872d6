#include "datapath/tunnel/io/control_mailbox.hpp"

#include <utility>

namespace weave::datapath {

bool ControlMailbox::deliver(std::function<void()> call) {
  if (waiting_.load(std::memory_order_relaxed) >= kPending) return false;
  post(std::move(call));
  return true;
}

void ControlMailbox::post(std::function<void()> call) {
  waiting_.fetch_add(1, std::memory_order_relaxed);
  post_([self = shared_from_this(), call = std::move(call)] {
    self->waiting_.fetch_sub(1, std::memory_order_relaxed);
    if (self->open_) call();
  });
}

// The posted call holds the mailbox, so that `this` is safe in what it contains.

bool ControlMailbox::special(PeerName peer, Ipv4Endpoint from, SleeveChannel channel, ByteView frame, TimePoint at) {
  if (!events_.on_special) return true;
  return deliver([this, peer, from, channel, copy = Bytes(frame.begin(), frame.end()), at] {
    events_.on_special(peer, from, channel, copy, at);
  });
}

bool ControlMailbox::too_big(PeerName peer, ConnectionUid connection, std::uint32_t path_mtu) {
  if (!events_.on_too_big) return true;
  return deliver([this, peer, connection, path_mtu] { events_.on_too_big(peer, connection, path_mtu); });
}

bool ControlMailbox::send_error(PeerName peer, ConnectionUid connection, Error error) {
  if (!events_.on_send_error) return true;
  return deliver(
      [this, peer, connection, error = std::move(error)] { events_.on_send_error(peer, connection, error); });
}

void ControlMailbox::call(std::function<void()> what) { post(std::move(what)); }

} // namespace weave::datapath
