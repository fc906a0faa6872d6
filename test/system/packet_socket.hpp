#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/uio.h>

#include <gtest/gtest.h>

#include "base/unique_fd.hpp"
#include "datapath/packet/byte_order.hpp"
#include "datapath/packet/offload.hpp"
#include "test/system/scratch_namespace.hpp"

namespace weave::test {

/// Sees what comes in by one interface, and sends by it: whole Ethernet frames with the offload header that the kernel
/// left to them, super-frames included.
class PacketSocket {
 public:
  struct Frame {
    datapath::OffloadHeader header;
    Bytes bytes;
  };

  PacketSocket(ScratchNamespace const& net, std::string const& interface) {
    auto const opened = net.run([&]() -> Result<void> {
      fd_.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
      sockaddr_ll address{};
      address.sll_family = AF_PACKET;
      address.sll_protocol = htons(ETH_P_ALL);
      address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
      bool const good = set(PACKET_VNET_HDR) && set(PACKET_IGNORE_OUTGOING) && set(PACKET_AUXDATA) &&
                        ::bind(fd_.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0;
      if (!good) return std::unexpected(system_error("packet socket on " + interface, errno));
      return {};
    });
    EXPECT_TRUE(opened) << opened.error().text();
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

  [[nodiscard]] bool send(ByteView frame, datapath::OffloadHeader const& header = {}) const {
    std::array<std::uint8_t, datapath::OffloadHeader::kSize> head{};
    header.write(head);
    iovec const parts[] = {{head.data(), head.size()}, {const_cast<std::uint8_t*>(frame.data()), frame.size()}};
    return ::writev(fd_.get(), parts, 2) == static_cast<ssize_t>(head.size() + frame.size());
  }

  /// The next frame, waiting for it; a VLAN tag that the kernel keeps beside it is put back in.
  [[nodiscard]] std::optional<Frame> next(int milliseconds = 5000) const {
    pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, milliseconds) <= 0) return std::nullopt;
    Bytes bytes(datapath::OffloadHeader::kSize + 70'000);
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(tpacket_auxdata))> control{};
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto const size = ::recvmsg(fd_.get(), &message, 0);
    if (size < static_cast<ssize_t>(datapath::OffloadHeader::kSize + 14)) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size));
    Frame frame{.header = *datapath::OffloadHeader::parse(bytes),
                .bytes = Bytes(bytes.begin() + datapath::OffloadHeader::kSize, bytes.end())};
    for (auto* entry = CMSG_FIRSTHDR(&message); entry != nullptr; entry = CMSG_NXTHDR(&message, entry)) {
      if (entry->cmsg_level == SOL_PACKET && entry->cmsg_type == PACKET_AUXDATA) put_tag_back(entry, frame);
    }
    return frame;
  }
  /// The next one that `matches`; none if only others came before the time was over.
  [[nodiscard]] std::optional<Frame> next(std::function<bool(ByteView)> const& matches) const {
    for (int tries = 0; tries < 200; ++tries) {
      auto frame = next();
      if (!frame || matches(frame->bytes)) return frame;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool set(int option) const {
    int const on = 1;
    return ::setsockopt(fd_.get(), SOL_PACKET, option, &on, sizeof on) == 0;
  }
  static void put_tag_back(cmsghdr const* entry, Frame& frame) {
    tpacket_auxdata data{};
    std::memcpy(&data, CMSG_DATA(entry), sizeof data);
    if ((data.tp_status & TP_STATUS_VLAN_VALID) == 0) return;
    std::array<std::uint8_t, 4> tag{};
    bool const named = (data.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
    datapath::store_u16(tag, 0, named ? data.tp_vlan_tpid : std::uint16_t{ETH_P_8021Q});
    datapath::store_u16(tag, 2, data.tp_vlan_tci);
    frame.bytes.insert(frame.bytes.begin() + 12, tag.begin(), tag.end());
    if (frame.header.needs_checksum()) frame.header.checksum_start += 4;
  }

  UniqueFd fd_;
};

} // namespace weave::test
