#include "datapath/tunnel/io/frame_sender.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "datapath/packet/ipv4_fragment.hpp"
#include "datapath/tunnel/sleeve_cipher.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"
#include "datapath/tunnel/sleeve_plan.hpp"

namespace weave::datapath {

namespace {

/// Frames share no longer packets than this: where a path has become narrow and nobody knows yet, sharing one must not
/// lose frames that would have passed alone.
constexpr std::size_t kSharedPayload = 1200;

std::size_t number(SleeveChannel channel) { return static_cast<std::size_t>(channel); }

} // namespace

void FrameSender::set_paths(SleevePaths const& paths) {
  flush(now_);
  std::vector<PathState> states;
  states.reserve(paths.size());
  for (auto const& path : paths) {
    PathState state{.path = path, .open = {}};
    // The limits on reports go on, unless the path has become another one.
    if (auto const* old = find(path.peer); old != nullptr && old->path.connection == path.connection) {
      state.failure_reported = old->failure_reported;
      if (old->path == path) state.too_big_reported = old->too_big_reported;
    }
    states.push_back(std::move(state));
  }
  paths_ = std::move(states);
  index_.clear();
  for (std::size_t i = 0; i < paths_.size(); ++i) index_[paths_[i].path.peer] = i;
}

FrameSender::PathState* FrameSender::find(PeerName peer) {
  auto const found = index_.find(peer);
  return found == index_.end() ? nullptr : &paths_[found->second];
}

bool FrameSender::reaches(PeerName peer) const {
  auto const found = index_.find(peer);
  return found != index_.end() && paths_[found->second].path.remote.has_value();
}

void FrameSender::send(ForwardHop const& hop, FrameKind kind, ByteView frame, bool flooded) {
  auto* const state = find(hop.next_hop);
  if (state == nullptr) return context_.counters.no_path.add();
  send(*state, hop, kind, frame, flooded);
}

void FrameSender::send(PathState& state, ForwardHop const& hop, FrameKind kind, ByteView frame, bool flooded) {
  auto& counters = context_.counters;
  switch (plan_sleeve(state.path, kind, frame.size(), flooded)) {
    case SleevePlan::send_df: return queue(state, SleeveChannel::df, hop, frame);
    case SleevePlan::send_fragmentable: return queue(state, SleeveChannel::fragmentable, hop, frame);
    case SleevePlan::fragment: return queue_fragments(state, hop, frame);
    case SleevePlan::answer_too_big: return context_.events.on_frame_too_big(hop, frame, state.path.mtu);
    case SleevePlan::drop_no_address: return counters.no_address.add();
    case SleevePlan::drop_too_big: return counters.too_big.add();
    case SleevePlan::drop_oversize: return counters.oversize.add();
  }
}

bool FrameSender::send_pieces(ForwardHop const& hop, FrameKind kind, FrameCutter& pieces, bool flooded) {
  auto* const state = find(hop.next_hop);
  if (state == nullptr) {
    context_.counters.no_path.add(pieces.remaining());
    return true;
  }
  MutableBytes const buffer{piece_.get(), SendBatch::kSlotBytes};
  while (!pieces.done()) {
    auto const size = pieces.next_size();
    auto const plan = plan_sleeve(state->path, kind, size, flooded);
    if (plan == SleevePlan::send_df || plan == SleevePlan::send_fragmentable) {
      auto const channel = plan == SleevePlan::send_df ? SleeveChannel::df : SleeveChannel::fragmentable;
      // Cut where it is sent from. What does not fit is counted there and left out.
      auto const room = make_room(*state, channel, hop, size, false);
      if (pieces.write_next(room ? *room : buffer) == 0) return false;
      if (context_.sockets.io() == PacketIo::one_by_one) flush(now_);
      continue;
    }
    if (pieces.write_next(buffer) == 0) return false;
    send(*state, hop, kind, buffer.first(size), flooded);
  }
  return true;
}

void FrameSender::queue_fragments(PathState& state, ForwardHop const& hop, ByteView frame) {
  auto pieces = Ipv4Fragmenter::create(frame, fragment_mtu(state.path));
  if (!pieces) return context_.counters.oversize.add();
  MutableBytes const buffer{fragment_.get(), SendBatch::kSlotBytes};
  while (!pieces->done()) {
    auto const size = pieces->write_next(buffer);
    if (size == 0) return context_.counters.oversize.add();
    context_.counters.fragments.add();
    queue(state, SleeveChannel::df, hop, buffer.first(size));
  }
}

void FrameSender::send_special(SleeveSpecial const& special) {
  auto* const state = find(special.peer);
  if (state == nullptr || !state->path.remote || state->path.connection != special.connection) {
    return context_.counters.commands_lost.add();
  }
  ForwardHop const hop{special.peer, context_.self, special.peer};
  if (special.past_kernel) {
    flush(now_);
    context_.sockets.set_past_kernel(true);
  }
  if (auto const room = make_room(*state, special.channel, hop, special.frame.size(), true)) {
    std::ranges::copy(special.frame, room->begin());
  }
  if (special.past_kernel) {
    flush(now_);
    context_.sockets.set_past_kernel(false);
  }
}

void FrameSender::queue(PathState& state, SleeveChannel channel, ForwardHop const& hop, ByteView frame) {
  if (auto const room = make_room(state, channel, hop, frame.size(), false)) {
    std::ranges::copy(frame, room->begin());
    if (context_.sockets.io() == PacketIo::one_by_one) flush(now_);
  }
}

/// Where a frame is to be written: in the open packet of the channel, or in a new one.
std::optional<MutableBytes> FrameSender::make_room(PathState& state, SleeveChannel channel, ForwardHop const& hop,
                                                   std::size_t size, bool alone) {
  auto& open = state.open[number(channel)];
  if (!alone && open && batch_.size(*open) + kFrameOverhead + size <= kSharedPayload) {
    auto const room = writers_[*open]->append(hop.source, hop.destination, size);
    if (room) batch_.set_size(*open, writers_[*open]->packet().size());
    if (room) return room;
  }
  SendBatch::Target const target{.channel = channel,
                                 .to = *state.path.remote,
                                 .from = state.path.local,
                                 .tag = static_cast<std::size_t>(&state - paths_.data()),
                                 // A test must share the fate of no other packet.
                                 .longest_segment = alone ? 0 : state.path.max_payload};
  // A frame that may exceed the limit, on the fragmentable channel or to find it out, is alone in its packet.
  bool const encrypted = state.path.cipher != nullptr;
  auto const needed = SleeveMtu{encrypted}.packet_overhead() + kFrameOverhead + size;
  auto const limit = std::min<std::size_t>(std::max<std::size_t>(state.path.max_payload, needed), kMaxUdpPayload);
  auto slot = batch_.take(target, limit);
  if (!slot) {
    flush(now_);
    slot = batch_.take(target, limit);
  }
  auto& writer = writers_[*slot].emplace(batch_.buffer(*slot), context_.self, limit, encrypted);
  special_[*slot] = alone;
  auto const room = writer.append(hop.source, hop.destination, size);
  if (!room) {
    context_.counters.oversize.add();
    return std::nullopt;
  }
  batch_.set_size(*slot, writer.packet().size());
  if (!alone) open = *slot;
  return room;
}

void FrameSender::flush(TimePoint now) {
  now_ = now;
  if (batch_.used() == 0) return;
  for (std::size_t slot = 0; slot < batch_.used(); ++slot) {
    auto const& target = batch_.target(slot);
    paths_[target.tag].open[number(target.channel)].reset();
  }
  seal_all();
  batch_.send(context_.sockets,
              [this](std::size_t slot, SendBatch::Target const& target, int error) { settle(slot, target, error); });
}

/// In the order in which they leave, each once.
void FrameSender::seal_all() {
  SleeveCipher* held = nullptr;
  std::unique_lock<std::mutex> sealing;
  for (std::size_t slot = 0; slot < batch_.used(); ++slot) {
    auto const& target = batch_.target(slot);
    auto* const cipher = paths_[target.tag].path.cipher.get();
    if (cipher == nullptr || batch_.size(slot) == 0) continue;
    if (cipher != held) {
      // Never two at once.
      if (sealing.owns_lock()) sealing.unlock();
      sealing = std::unique_lock{cipher->sealing()};
      held = cipher;
    }
    cipher->seal(writers_[slot]->packet(), target.channel);
  }
}

void FrameSender::settle(std::size_t slot, SendBatch::Target const& target, int error) {
  auto& counters = context_.counters;
  if (error == 0) {
    counters.sent_packets.add();
    counters.sent_frames.add(writers_[slot]->frames());
    auto const& large = paths_[target.tag].path.large;
    if (large && !special_[slot]) large->sent(batch_.size(slot));
    return;
  }
  auto& state = paths_[target.tag];
  bool const too_big = error == EMSGSIZE;
  (too_big ? counters.too_big_packets : counters.send_failures).add();
  auto& reported = too_big ? state.too_big_reported : state.failure_reported;
  if (!special_[slot] && now_ - reported < (too_big ? kTooBigInterval : kFailureInterval)) return;
  reported = now_;
  context_.events.on_packet_refused(state.path, target.channel, error);
}

} // namespace weave::datapath
