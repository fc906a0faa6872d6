#include "datapath/tunnel/io/vxlan_sender.hpp"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

#include "datapath/packet/byte_order.hpp"
#include "datapath/packet/headers.hpp"
#include "datapath/packet/ipv4_fragment.hpp"
#include "datapath/tunnel/io/socket_options.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"

namespace weave::datapath {

namespace {

constexpr std::uint32_t kVniPresent = 0x0800'0000;
constexpr int kTimeToLive = 64;
/// No IPv4 path is smaller (RFC 791).
constexpr std::uint32_t kLeastPathMtu = 68;

} // namespace

Result<UniqueFd> VxlanSender::open_socket() {
  UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  int const on = 1;
  if (!socket || !set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO) ||
      !set_option(socket, IPPROTO_IP, IP_TTL, kTimeToLive) || !set_option(socket, SOL_SOCKET, SO_NO_CHECK, on) ||
      !attach_constant(socket, SO_ATTACH_FILTER, 0)) {
    return std::unexpected(system_error("create socket for VXLAN packets", errno));
  }
  (void)set_option(socket, SOL_SOCKET, SO_SNDTIMEO, kSendTimeout);
  set_buffer(socket, SO_SNDBUFFORCE, SO_SNDBUF);
  return socket;
}

VxlanSender::VxlanSender(UniqueFd socket, Dependencies dependencies)
    : socket_{std::move(socket)}, context_{std::move(dependencies)} {}

void VxlanSender::send(TunnelRoute const& route, ForwardHop const& hop, FrameKind kind, ByteView frame, bool flooded) {
  auto& counters = context_.counters;
  auto const limit = frame_limit(route.endpoints);
  if (!limit || frame.size() <= *limit) return queue(route, frame);
  auto const mtu = *limit + kVxlanFrameOverhead - kVxlanOverhead;
  if (kind == FrameKind::ipv4) return queue_fragments(route, frame, mtu);
  bool const listens = kind == FrameKind::ipv4_df || (kind == FrameKind::ipv6 && mtu >= kIpv6MinimumMtu);
  if (!listens || flooded) return counters.too_big.add();
  context_.on_too_big(hop, frame, mtu);
}

std::optional<std::uint32_t> VxlanSender::frame_limit(TunnelEndpoints const& endpoints) const {
  auto const found = limits_.find(endpoints);
  if (found == limits_.end() || found->second.until <= now_) return std::nullopt;
  return found->second.frame;
}

void VxlanSender::queue_fragments(TunnelRoute const& route, ByteView frame, std::uint32_t mtu) {
  auto pieces = Ipv4Fragmenter::create(frame, mtu);
  if (!pieces) return context_.counters.too_big.add();
  MutableBytes const buffer{fragment_.get(), SendBatch::kSlotBytes};
  while (!pieces->done()) {
    auto const size = pieces->write_next(buffer);
    if (size == 0) return context_.counters.oversize.add();
    context_.counters.fragments.add();
    queue(route, buffer.first(size));
  }
}

void VxlanSender::queue(TunnelRoute const& route, ByteView frame) {
  auto const size = kVxlanHeaderSize + frame.size();
  if (size > kMaxUdpPayload) return context_.counters.oversize.add();
  auto const& endpoints = route.endpoints;
  SendBatch::Target const target{.channel = SleeveChannel::df,
                                 .to = {.address = endpoints.remote, .port = endpoints.udp_port},
                                 .from = endpoints.local};
  auto slot = batch_.take(target, size);
  if (!slot) {
    flush(now_);
    slot = batch_.take(target, size);
  }
  auto const packet = batch_.buffer(*slot);
  store_u32(packet, 0, kVniPresent);
  store_u32(packet, 4, route.ids.vni() << 8);
  std::ranges::copy(frame, packet.subspan(kVxlanHeaderSize).begin());
  batch_.set_size(*slot, size);
}

void VxlanSender::flush(TimePoint now) {
  now_ = now;
  batch_.send(socket_.get(),
              [this](std::size_t slot, SendBatch::Target const& target, int error) { settle(slot, target, error); });
}

void VxlanSender::settle(std::size_t slot, SendBatch::Target const& target, int error) {
  auto& counters = context_.counters;
  if (error == 0) return counters.tunnel_packets.add();
  if (error != EMSGSIZE) return counters.tunnel_failures.add();
  counters.too_big_packets.add();
  learn_limit(target, batch_.size(slot) - kVxlanHeaderSize);
}

void VxlanSender::learn_limit(SendBatch::Target const& target, std::size_t refused) {
  TunnelEndpoints const endpoints{.local = target.from, .remote = target.to.address, .udp_port = target.to.port};
  // Others of the same batch need not ask again.
  if (auto const known = frame_limit(endpoints); known && *known < refused) return;
  auto const path_mtu = SleeveSockets::path_mtu(target.from, target.to);
  if (!path_mtu) return;
  auto const frame = std::max(*path_mtu, kLeastPathMtu) - kVxlanFrameOverhead;
  // It may have grown meanwhile.
  if (frame >= refused) return;
  std::erase_if(limits_, [this](auto const& entry) { return entry.second.until <= now_; });
  limits_[endpoints] = {.frame = frame, .until = now_ + kLimitLifetime};
}

} // namespace weave::datapath
