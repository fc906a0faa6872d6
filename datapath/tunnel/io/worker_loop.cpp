#include "datapath/tunnel/io/worker_loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include "datapath/fastpath/user_tag.hpp"
#include "datapath/packet/icmp.hpp"
#include "datapath/packet/offload.hpp"
#include "datapath/tunnel/sleeve_cipher.hpp"
#include "datapath/tunnel/sleeve_special.hpp"

namespace weave::datapath {

namespace {

// How much of one source is handled before the other gets its turn.
constexpr int kCapturedFrames = 64;
constexpr int kReceiveRounds = 2;

/// Before the mesh has given routes there are no neighbours.
class NoRoutes final : public RouteLookup {
 public:
  [[nodiscard]] PeerName next_hop(PeerName) const override { return kUnknownPeer; }
  [[nodiscard]] std::vector<PeerName> const& broadcast_hops(PeerName) const override { return none_; }

 private:
  std::vector<PeerName> none_;
};

/// Completes the checksum in place unless cutting will do so; false if the headers contradict each other.
[[nodiscard]] bool finish_checksum(CapturedFrame const& frame) {
  return frame.header.is_super_frame() || complete_checksum(frame.header, frame.bytes);
}

} // namespace

WorkerLoop::WorkerLoop(Dependencies dependencies)
    : context_{std::move(dependencies)},
      counters_{context_.shared.counters},
      self_{context_.self},
      sender_{{.self = self_, .sockets = context_.sockets, .counters = counters_, .events = *this}},
      joiner_{{.udp = context_.port.offloads().udp_segmentation}, *this},
      tunnels_{std::move(context_.tunnel_socket),
               {.counters = counters_,
                .on_too_big = [this](ForwardHop const& hop, ByteView frame,
                                     std::uint32_t mtu) { on_frame_too_big(hop, frame, mtu); }}},
      routes_{std::make_shared<NoRoutes>()} {
  if (context_.duty == WorkerDuty::capture) {
    capture_buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(UserPort::kFrameMax);
    piece_buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(UserPort::kFrameMax);
  } else {
    received_ = std::make_unique<ReceiveBatch>(joins() ? ReceiveBatch::kSlots : 1);
  }
  take_role();
}

bool WorkerLoop::joins() const { return context_.sockets.io() == PacketIo::batched; }

void WorkerLoop::run() {
  bool const captures = context_.duty == WorkerDuty::capture;
  auto const source = captures ? context_.port.fd() : context_.sockets.fd(SleeveChannel::fragmentable);
  std::array<pollfd, 2> sources{
      {{.fd = context_.wake, .events = POLLIN, .revents = 0}, {.fd = source, .events = POLLIN, .revents = 0}}};
  while (!context_.shared.stopping.load(std::memory_order_acquire)) {
    if (!port_alive_) sources[1].fd = -1;
    if (::poll(sources.data(), sources.size(), -1) < 0) continue;
    now_ = std::chrono::steady_clock::now();
    if (sources[0].revents != 0) {
      std::uint64_t count = 0;
      (void)!::read(context_.wake, &count, sizeof count);
    }
    take_control();
    if (sources[1].revents != 0) captures ? capture() : receive();
    sender_.flush(now_);
    tunnels_.flush(now_);
  }
}

void WorkerLoop::take_control() {
  // In this order a special frame finds the path that was set before it.
  if (context_.duty == WorkerDuty::capture) context_.shared.specials.take(specials_);
  take_role();
  if (context_.shared.paths.refresh(paths_, paths_version_)) sender_.set_paths(*paths_);
  (void)context_.shared.routes.refresh(routes_, routes_version_);
  if (context_.shared.forwarding.refresh(state_, state_version_)) directory_ = PeerDirectory{state_};
  for (auto const& special : specials_) sender_.send_special(special);
}

void WorkerLoop::take_role() {
  if (context_.shared.role.refresh(role_, role_version_)) forwarding_.emplace(*role_->macs);
}

void WorkerLoop::receive() {
  for (int round = 0; round < kReceiveRounds; ++round) {
    auto const count = received_->receive(context_.sockets.fd(SleeveChannel::fragmentable));
    for (std::size_t slot = 0; slot < count; ++slot) {
      auto run = received_->run(slot);
      while (auto const packet = run.next()) handle_packet(run.from(), *packet);
    }
    // What is held refers to the packets.
    joiner_.flush();
    if (count < received_->limit()) return;
  }
}

void WorkerLoop::handle_packet(Ipv4Endpoint from, MutableBytes packet) {
  counters_.received_packets.add();
  auto const sender = sleeve_sender(packet);
  if (!sender) return counters_.malformed_packets.add();
  if (!sender_.has_path(*sender)) return counters_.unknown_sender.add();
  auto* const cipher = sender_.cipher_of(*sender);
  if (cipher == nullptr) return handle_frames(*sender, from, SleeveFrameReader::of_clear_packet(packet));
  auto const opened = cipher->open(packet);
  if (opened) return handle_frames(*sender, from, SleeveFrameReader{opened->frames});
  bool const replayed = opened.error() == SleeveRefusal::replayed;
  (replayed ? counters_.replayed_packets : counters_.unauthentic_packets).add();
}

void WorkerLoop::handle_frames(PeerName sender, Ipv4Endpoint from, SleeveFrameReader reader) {
  while (auto const frame = reader.next()) handle_received(sender, from, *frame);
  if (reader.fault() != SleeveFault::none) counters_.malformed_packets.add();
}

void WorkerLoop::handle_received(PeerName sender, Ipv4Endpoint from, SleeveFrame const& frame) {
  // Empty frames are legal and mean nothing.
  if (frame.frame.empty()) return;
  counters_.received_frames.add();
  auto const kind = classify_frame(frame.frame);
  if (kind == FrameKind::runt) return counters_.decisions.add(DropReason::runt);
  if (kind == FrameKind::special) return handle_special(sender, from, frame);
  execute(forwarding_->received(frame.source, frame.destination, sender, frame.frame, *routes_, now_), frame.source,
          kind, frame.frame);
}

void WorkerLoop::handle_special(PeerName sender, Ipv4Endpoint from, SleeveFrame const& frame) {
  if (frame.source != sender || frame.destination != self_) return counters_.foreign_specials.add();
  counters_.special_frames.add();
  // Not the channel that the packet names, which clear ones do not: each kind of special frame has its own.
  auto const kind = special_kind(frame.frame.size());
  auto const channel = kind == SpecialKind::fragmentation_test ? SleeveChannel::fragmentable : SleeveChannel::df;
  if (!context_.mailbox->special(sender, from, channel, frame.frame, now_)) counters_.events_lost.add();
}

void WorkerLoop::capture() {
  MutableBytes const buffer{capture_buffer_.get(), UserPort::kFrameMax};
  for (int count = 0; count < kCapturedFrames; ++count) {
    auto const frame = context_.port.read(buffer);
    if (!frame) {
      port_alive_ = false;
      context_.mailbox->call([report = context_.on_port_failed, error = frame.error()] {
        if (report) report(error);
      });
      return;
    }
    if (frame->bytes.empty()) return;
    handle_captured(*frame);
  }
}

void WorkerLoop::handle_captured(CapturedFrame const& frame) {
  counters_.captured_frames.add();
  role_->mode == WorkerMode::bridge ? handle_bridged(frame) : handle_tagged(frame);
}

void WorkerLoop::handle_bridged(CapturedFrame const& frame) {
  auto const decision = forwarding_->captured(frame.bytes, *routes_, now_);
  if (decision.drop() != DropReason::none) return counters_.decisions.add(decision.drop());
  auto const kind = classify_frame(frame.bytes);
  if (!finish_checksum(frame)) return counters_.capture_faults.add();
  decision.for_each_hop([&](ForwardHop const& hop) { send_captured(hop, kind, frame, decision.flooded()); });
}

void WorkerLoop::handle_tagged(CapturedFrame const& frame) {
  auto const untagged = remove_user_tag(frame.header, frame.bytes);
  if (!untagged) return counters_.decisions.add(DropReason::untagged);
  auto const kind = classify_frame(untagged->bytes);
  if (kind == FrameKind::special) return counters_.decisions.add(DropReason::special_frame);
  auto const hop = directory_.resolve(untagged->tag);
  if (!hop) return counters_.decisions.add(hop.error());
  CapturedFrame const plain{.header = untagged->header, .bytes = untagged->bytes};
  if (!finish_checksum(plain)) return counters_.capture_faults.add();
  send_captured(*hop, kind, plain, untagged->tag.flooded);
}

void WorkerLoop::send_captured(ForwardHop const& hop, FrameKind kind, CapturedFrame const& frame, bool flooded) {
  if (!frame.header.is_super_frame()) return send(Origin::user_port, hop, kind, frame.bytes, flooded);
  auto cutter = FrameCutter::create(frame.header, frame.bytes);
  if (!cutter) return counters_.capture_faults.add();
  counters_.cut_frames.add(cutter->remaining());
  if (role_->mode == WorkerMode::bridge || sender_.reaches(hop.next_hop)) {
    if (!sender_.send_pieces(hop, kind, *cutter, flooded)) counters_.capture_faults.add();
    return;
  }
  MutableBytes const buffer{piece_buffer_.get(), UserPort::kFrameMax};
  while (!cutter->done()) {
    auto const size = cutter->write_next(buffer);
    if (size == 0) return counters_.capture_faults.add();
    send(Origin::user_port, hop, kind, buffer.first(size), flooded);
  }
}

void WorkerLoop::execute(ForwardingDecision const& decision, PeerName source, FrameKind kind, ByteView frame) {
  if (decision.drop() != DropReason::none) return counters_.decisions.add(decision.drop());
  if (decision.deliver_locally()) inject(source, frame);
  decision.for_each_hop([&](ForwardHop const& hop) { send(Origin::neighbour, hop, kind, frame, decision.flooded()); });
}

void WorkerLoop::send(Origin origin, ForwardHop const& hop, FrameKind kind, ByteView frame, bool flooded) {
  // What the kernel gave us is meant for sleeve. If it did so by an older state, the tunnel is for want of sleeve only.
  bool const by_sleeve = origin == Origin::user_port && sender_.reaches(hop.next_hop);
  if (role_->mode == WorkerMode::fast_path && !by_sleeve) {
    if (auto const route = directory_.tunnel_for(hop)) return tunnels_.send(*route, hop, kind, frame, flooded);
  }
  sender_.send(hop, kind, frame, flooded);
}

void WorkerLoop::inject(PeerName source, ByteView frame) {
  std::uint32_t mark = 0;
  if (role_->mode == WorkerMode::fast_path) {
    auto const id = directory_.id_of(source);
    if (!id) return counters_.decisions.add(DropReason::unknown_peer);
    mark = static_cast<std::uint32_t>(*id);
  }
  // Only received packets stay where they are until the joiner is emptied.
  if (joins() && context_.duty == WorkerDuty::receive && !answering_) return joiner_.add(mark, frame);
  on_joined(mark, {}, {&frame, 1}, 1);
}

void WorkerLoop::on_joined(std::uint32_t mark, OffloadHeader const& header, std::span<ByteView const> parts,
                           std::size_t frames) {
  bool const tagged = role_->mode == WorkerMode::fast_path;
  auto const written = tagged ? context_.port.write(header, parts, delivery_tag(static_cast<ShortId>(mark)))
                              : context_.port.write(header, parts);
  (written ? counters_.injected_frames : counters_.injection_failures).add(frames);
  if (frames > 1) counters_.joined_frames.add(frames);
}

void WorkerLoop::on_frame_too_big(ForwardHop const& hop, ByteView frame, std::uint32_t mtu) {
  if (!may_answer_with_icmp_error(frame)) return counters_.too_big.add();
  std::array<std::uint8_t, std::max(kFragmentationNeededSize, kPacketTooBigSize)> buffer;
  auto const kind = classify_frame(frame);
  auto const size =
      kind == FrameKind::ipv6
          ? write_packet_too_big(frame, mtu, buffer)
          : write_fragmentation_needed(frame, static_cast<std::uint16_t>(std::min<std::uint32_t>(mtu, 0xffff)), buffer);
  if (size == 0) return counters_.too_big.add();
  counters_.too_big_answers.add();
  auto const answer = ByteView{buffer}.first(size);
  // As if the frame's destination peer had sent it to the one that captured the frame.
  answering_ = true;
  execute(forwarding_->received(hop.destination, hop.source, kUnknownPeer, answer, *routes_, now_), hop.destination,
          classify_frame(answer), answer);
  answering_ = false;
}

void WorkerLoop::on_packet_refused(SleevePath const& path, SleeveChannel channel, int error) {
  bool taken = true;
  if (error == EMSGSIZE && channel == SleeveChannel::df) {
    auto const mtu = SleeveSockets::path_mtu(path.local, *path.remote);
    if (mtu) taken = context_.mailbox->too_big(path.peer, path.connection, *mtu);
  } else {
    taken = context_.mailbox->send_error(path.peer, path.connection, system_error("send", error));
  }
  if (!taken) counters_.events_lost.add();
}

} // namespace weave::datapath
