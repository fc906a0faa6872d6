#include "datapath/bpf/heartbeat_channel.hpp"

#include <algorithm>
#include <array>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace weave::datapath::bpf {

Result<HeartbeatSender> HeartbeatSender::open(KernelMaps& maps) {
  // Without a protocol it receives nothing.
  UniqueFd socket{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) return std::unexpected(system_error("open packet socket for heartbeats", errno));
  return HeartbeatSender{maps, std::move(socket)};
}

Result<void> HeartbeatSender::aim(ShortId destination, TunnelEndpoints const& endpoints) {
  auto const found = aims_.find(destination);
  if (found != aims_.end() && found->second == endpoints) return {};
  auto written = maps_->write_probe(destination, {endpoints.remote.value(), endpoints.local.value()});
  if (written) aims_[destination] = endpoints;
  return written;
}

Result<void> HeartbeatSender::send(std::uint32_t ifindex, TunnelEndpoints const& endpoints, TunnelId ids,
                                   ByteView frame) {
  if (auto aimed = aim(ids.destination, endpoints); !aimed) return aimed;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(ifindex);
  // sendmsg only reads.
  iovec part{const_cast<std::uint8_t*>(frame.data()), frame.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint32_t))> control{};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  std::uint32_t const mark = WEAVE_MARK_HEARTBEAT | ids.vni();
  auto* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SO_MARK;
  header->cmsg_len = CMSG_LEN(sizeof mark);
  std::memcpy(CMSG_DATA(header), &mark, sizeof mark);
  if (::sendmsg(socket_.get(), &message, 0) >= 0) return {};
  bool const transient = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EINTR;
  return failure(transient ? ErrorKind::unavailable : ErrorKind::system, system_error("send heartbeat", errno).text());
}

void ArrivalReader::Free::operator()(ring_buffer* buffer) const { ::ring_buffer__free(buffer); }

int ArrivalReader::take(void* self, void* data, std::size_t size) {
  // Programs of before an update, which run until they are replaced, do not tell the time.
  if (size < offsetof(::weave_arrival, zero)) return 0;
  ::weave_arrival arrival{};
  std::memcpy(&arrival, data, std::min(size, sizeof arrival));
  arrival.head_length = std::min<std::uint32_t>(arrival.head_length, WEAVE_HEAD);
  static_cast<ArrivalReader*>(self)->on_arrival_(arrival);
  return 0;
}

Result<std::unique_ptr<ArrivalReader>> ArrivalReader::open(KernelPrograms const& programs, FdWatcher& watcher,
                                                           OnArrival on_arrival) {
  std::unique_ptr<ArrivalReader> reader{new ArrivalReader{std::move(on_arrival)}};
  reader->buffer_.reset(::ring_buffer__new(programs.fd(Map::arrivals), take, reader.get(), nullptr));
  if (!reader->buffer_) return std::unexpected(system_error("map ring buffer of heartbeats", errno));
  auto* const buffer = reader->buffer_.get();
  reader->watch_ =
      watcher.watch_readable(::ring_buffer__epoll_fd(buffer), [buffer] { ::ring_buffer__consume(buffer); });
  return reader;
}

} // namespace weave::datapath::bpf
