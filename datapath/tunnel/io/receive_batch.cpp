#include "datapath/tunnel/io/receive_batch.hpp"

#include <cstring>
#include <netinet/udp.h>

#include "datapath/tunnel/io/socket_address.hpp"

namespace weave::datapath {

ReceiveBatch::ReceiveBatch(std::size_t limit)
    : limit_{std::clamp<std::size_t>(limit, 1, kSlots)},
      memory_{std::make_unique_for_overwrite<std::uint8_t[]>(limit_ * kStride)},
      slots_(limit_),
      messages_(limit_) {
  for (std::size_t slot = 0; slot < limit_; ++slot) {
    slots_[slot].part = {.iov_base = memory_.get() + slot * kStride, .iov_len = kSlotBytes};
  }
}

std::size_t ReceiveBatch::receive(int fd) {
  for (std::size_t slot = 0; slot < limit_; ++slot) {
    auto& header = messages_[slot].msg_hdr;
    header = {};
    header.msg_name = &slots_[slot].address;
    header.msg_namelen = sizeof slots_[slot].address;
    header.msg_iov = &slots_[slot].part;
    header.msg_iovlen = 1;
    header.msg_control = slots_[slot].control;
    header.msg_controllen = sizeof slots_[slot].control;
  }
  int const count = ::recvmmsg(fd, messages_.data(), static_cast<unsigned>(limit_), MSG_DONTWAIT, nullptr);
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

ReceivedRun ReceiveBatch::run(std::size_t slot) const {
  auto header = messages_[slot].msg_hdr;
  int segment = 0;
  if (auto const* const control = CMSG_FIRSTHDR(&header);
      control != nullptr && control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO) {
    std::memcpy(&segment, CMSG_DATA(control), sizeof segment);
  }
  return {to_endpoint(slots_[slot].address),
          {memory_.get() + slot * kStride, messages_[slot].msg_len},
          static_cast<std::size_t>(std::max(segment, 0))};
}

} // namespace weave::datapath
