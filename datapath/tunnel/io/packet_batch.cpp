#include "datapath/tunnel/io/packet_batch.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>

#include "datapath/tunnel/io/socket_address.hpp"

namespace weave::datapath {

SendBatch::SendBatch()
    : memory_{std::make_unique_for_overwrite<std::uint8_t[]>(kSlots * kSlotBytes)}, slots_(kSlots), messages_(kSlots) {
  order_.reserve(kSlots);
}

std::optional<std::size_t> SendBatch::take(Target const& target) {
  if (used_ == kSlots) return std::nullopt;
  slots_[used_].target = target;
  slots_[used_].size = 0;
  return used_++;
}

void SendBatch::fill(std::size_t slot, mmsghdr& message) {
  auto& packet = slots_[slot];
  packet.address = to_sockaddr(packet.target.to);
  packet.part = {.iov_base = buffer(slot).data(), .iov_len = packet.size};
  message = {};
  message.msg_hdr.msg_name = &packet.address;
  message.msg_hdr.msg_namelen = sizeof packet.address;
  message.msg_hdr.msg_iov = &packet.part;
  message.msg_hdr.msg_iovlen = 1;
  if (packet.target.from.is_unspecified()) return;
  message.msg_hdr.msg_control = packet.control;
  message.msg_hdr.msg_controllen = sizeof packet.control;
  auto* const header = CMSG_FIRSTHDR(&message.msg_hdr);
  header->cmsg_level = IPPROTO_IP;
  header->cmsg_type = IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  in_pktinfo info{};
  info.ipi_spec_dst.s_addr = htonl(packet.target.from.value());
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

void SendBatch::send(SleeveSockets const& sockets, Outcome const& outcome) {
  if (used_ == 0) return;
  for (auto const channel : {SleeveChannel::df, SleeveChannel::fragmentable}) {
    send_slots(channel, sockets.fd(channel), outcome);
  }
  used_ = 0;
}

void SendBatch::send(int fd, Outcome const& outcome) {
  if (used_ == 0) return;
  send_slots(std::nullopt, fd, outcome);
  used_ = 0;
}

void SendBatch::send_slots(std::optional<SleeveChannel> channel, int fd, Outcome const& outcome) {
  order_.clear();
  for (std::size_t slot = 0; slot < used_; ++slot) {
    if (slots_[slot].size == 0 || (channel && slots_[slot].target.channel != *channel)) continue;
    fill(slot, messages_[order_.size()]);
    order_.push_back(slot);
  }
  std::size_t done = 0;
  while (done < order_.size()) {
    auto const count = static_cast<unsigned>(order_.size() - done);
    int const sent = ::sendmmsg(fd, messages_.data() + done, count, 0);
    if (sent < 0 && errno == EINTR) continue;
    // An error is reported for the first packet only; those behind it are tried again.
    int const error = sent < 0 ? errno : 0;
    auto settled = sent < 0 ? std::size_t{1} : static_cast<std::size_t>(sent);
    // No buffer space in the whole time limit: waiting again for each packet would stop the worker.
    if (error == EAGAIN) settled = order_.size() - done;
    for (std::size_t i = 0; i < settled; ++i, ++done) {
      outcome(order_[done], slots_[order_[done]].target, error);
    }
  }
}

ReceiveBatch::ReceiveBatch()
    : memory_{std::make_unique_for_overwrite<std::uint8_t[]>(kSlots * SendBatch::kSlotBytes)},
      addresses_(kSlots),
      parts_(kSlots),
      messages_(kSlots) {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    parts_[slot] = {.iov_base = memory_.get() + slot * SendBatch::kSlotBytes, .iov_len = SendBatch::kSlotBytes};
  }
}

std::size_t ReceiveBatch::receive(int fd) {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    auto& header = messages_[slot].msg_hdr;
    header = {};
    header.msg_name = &addresses_[slot];
    header.msg_namelen = sizeof addresses_[slot];
    header.msg_iov = &parts_[slot];
    header.msg_iovlen = 1;
  }
  int const count = ::recvmmsg(fd, messages_.data(), kSlots, MSG_DONTWAIT, nullptr);
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

Ipv4Endpoint ReceiveBatch::from(std::size_t slot) const { return to_endpoint(addresses_[slot]); }

} // namespace weave::datapath
