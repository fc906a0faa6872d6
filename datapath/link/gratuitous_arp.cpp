#include "datapath/link/gratuitous_arp.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <string>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/unique_fd.hpp"

namespace weave::datapath {

namespace {

constexpr std::uint64_t kBroadcast = 0xffff'ffff'ffffULL;

} // namespace

Bytes gratuitous_arp_frame(MacAddress const& mac, Ipv4Address address) {
  ByteWriter frame;
  frame.u48(kBroadcast).raw(mac.bytes()).u16(ETHERTYPE_ARP);
  frame.u16(ARPHRD_ETHER).u16(ETHERTYPE_IP).u8(6).u8(4).u16(ARPOP_REQUEST);
  frame.raw(mac.bytes()).u32(address.value()).u48(kBroadcast).u32(address.value());
  return frame.take();
}

Result<void> send_gratuitous_arp(std::string_view link_name, MacAddress const& mac, Ipv4Address address) {
  auto const what = fmt::format("announce {} on {}", address.to_string(), link_name);
  auto const index = ::if_nametoindex(std::string{link_name}.c_str());
  if (index == 0) return failure(ErrorKind::not_found, what + ": no such interface");
  // Protocol 0: the socket receives nothing.
  UniqueFd const socket{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
  if (!socket) return std::unexpected(system_error(what, errno));
  sockaddr_ll target{};
  target.sll_family = AF_PACKET;
  target.sll_protocol = htons(ETH_P_ARP);
  target.sll_ifindex = static_cast<int>(index);
  auto const frame = gratuitous_arp_frame(mac, address);
  if (::sendto(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr const*>(&target), sizeof target) <
      0) {
    return std::unexpected(system_error(what, errno));
  }
  return {};
}

} // namespace weave::datapath
