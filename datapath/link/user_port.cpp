#include "datapath/link/user_port.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datapath/link/device_settings.hpp"

namespace weave::datapath {

namespace {

/// The most that the kernel allows for a TAP device: 65535 less the Ethernet header.
constexpr std::uint32_t kUserPortMtu = 65521;
/// TUN_F_USO4 and TUN_F_USO6, which older kernel headers lack.
constexpr unsigned kUdpSegmentation = 0x20 | 0x40;

UserPortOffloads negotiate_offloads(int fd) {
  struct Offer {
    unsigned flags;
    UserPortOffloads meaning;
  };
  constexpr unsigned kTcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  constexpr Offer kOffers[] = {
      {kTcp | kUdpSegmentation, {.checksum = true, .tcp_segmentation = true, .udp_segmentation = true}},
      {kTcp, {.checksum = true, .tcp_segmentation = true}},
      {TUN_F_CSUM, {.checksum = true}},
  };
  for (auto const& offer : kOffers) {
    if (::ioctl(fd, TUNSETOFFLOAD, static_cast<unsigned long>(offer.flags)) == 0) return offer.meaning;
  }
  (void)::ioctl(fd, TUNSETOFFLOAD, 0UL);
  return {};
}

Result<UniqueFd> open_tap(std::string const& name) {
  auto const what = fmt::format("create TAP device {}", name);
  if (auto const valid = check_link_name(name); !valid) return failure_of(valid);
  UniqueFd fd{::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  if (!fd) return std::unexpected(system_error(what + ": open /dev/net/tun", errno));
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(fd.get(), TUNSETIFF, &request) < 0) {
    auto const error = system_error(what, errno);
    bool const taken = errno == EBUSY || errno == EEXIST || errno == EINVAL;
    return failure(taken ? ErrorKind::already_exists : ErrorKind::system, error.text());
  }
  int const size = OffloadHeader::kSize;
  if (::ioctl(fd.get(), TUNSETVNETHDRSZ, &size) < 0) return std::unexpected(system_error(what, errno));
  return fd;
}

} // namespace

Result<UserPort> UserPort::open(Links& links, Config const& config) {
  if (config.place == UserPortPlace::bridge) {
    if (auto const bridge = links.find(config.bridge); !bridge) return failure_of(bridge);
  }
  auto fd = open_tap(config.name);
  if (!fd) return failure_of(fd);
  auto const offloads = config.offloads ? negotiate_offloads(fd->get()) : UserPortOffloads{};
  if (auto const refused = refuse_ipv6_autoconf(config.name); !refused) return failure_of(refused);
  if (auto const placed = put(links, config); !placed) return failure_of(placed);
  return UserPort{std::move(*fd), offloads};
}

Result<void> UserPort::put(Links& links, Config const& config) {
  if (config.place == UserPortPlace::free_standing) {
    auto const silent = write_sysctl(fmt::format("net/ipv6/conf/{}/disable_ipv6", config.name), "1");
    if (!silent) return silent;
    return links.change(config.name, {.up = true, .mtu = kUserPortMtu, .master = LinkIndex{0}});
  }
  auto const bridge = links.find(config.bridge);
  if (!bridge) return failure_of(bridge);
  auto const attached = links.change(config.name, {.up = true, .mtu = kUserPortMtu, .master = bridge->index});
  if (!attached) return attached;
  return links.change_port(config.name, {.hairpin = false, .learning = true, .flood = true});
}

namespace {

/// What is not there is somebody else's to notice.
Result<std::string> nothing_unless_failed(Result<Link> const& missing) {
  if (missing.error().kind() == ErrorKind::not_found) return std::string{};
  return failure_of(missing);
}

} // namespace

Result<std::string> UserPort::mend(Links& links, Config const& config) {
  auto const link = links.find(config.name);
  if (!link) return nothing_unless_failed(link);
  std::vector<std::string_view> faults;
  if (!link->up) faults.emplace_back("it was down");
  if (link->mtu != kUserPortMtu) faults.emplace_back("its MTU was changed");
  if (config.place == UserPortPlace::bridge) {
    auto const bridge = links.find(config.bridge);
    if (!bridge) return nothing_unless_failed(bridge);
    if (link->master != bridge->index) faults.emplace_back("it was no port of the bridge");
  }
  if (faults.empty()) return std::string{};
  auto const mended = config.place == UserPortPlace::bridge
                          ? put(links, config)
                          : links.change(config.name, {.up = true, .mtu = kUserPortMtu});
  if (!mended) return failure_of(mended);
  return fmt::format("{}", fmt::join(faults, ", "));
}

Result<CapturedFrame> UserPort::read(std::span<std::uint8_t> buffer) {
  CapturedFrame frame;
  std::array<std::uint8_t, OffloadHeader::kSize> header{};
  iovec parts[] = {{header.data(), header.size()}, {buffer.data(), buffer.size()}};
  auto const size = ::readv(fd_.get(), parts, 2);
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR) return frame;
    return std::unexpected(system_error("read from user port", errno));
  }
  auto const total = static_cast<std::size_t>(size);
  frame.header = OffloadHeader::parse(header).value_or(OffloadHeader{});
  if (total > header.size()) frame.bytes = buffer.first(total - header.size());
  return frame;
}

struct UserPort::Gather {
  std::array<iovec, kPartsMax + 4> parts;
  std::size_t count = 0;

  void add(ByteView bytes) {
    // Writing only reads.
    parts[count++] = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  }
};

Result<void> UserPort::write(OffloadHeader const& header, std::span<ByteView const> parts) {
  if (parts.size() > kPartsMax) return failure(ErrorKind::malformed, "write to user port: too many parts");
  std::array<std::uint8_t, OffloadHeader::kSize> head{};
  header.write(head);
  Gather gather;
  gather.add(head);
  for (auto const part : parts) gather.add(part);
  return write_all(gather);
}

Result<void> UserPort::write(OffloadHeader header, std::span<ByteView const> parts, Tag tag) {
  constexpr std::size_t kAddresses = 2 * kMacSize;
  if (parts.size() > kPartsMax) return failure(ErrorKind::malformed, "write to user port: too many parts");
  if (parts.empty() || parts[0].size() < kEthernetHeaderSize) {
    return failure(ErrorKind::malformed, "write to user port: no frame");
  }
  if (header.needs_checksum()) header.checksum_start += kVlanTagSize;
  if (header.is_super_frame()) header.header_length += kVlanTagSize;
  std::array<std::uint8_t, OffloadHeader::kSize + kAddresses + kVlanTagSize> head{};
  header.write(head);
  auto const end = std::ranges::copy(parts[0].first(kAddresses), head.begin() + OffloadHeader::kSize).out;
  std::ranges::copy(tag, end);
  Gather gather;
  gather.add(head);
  gather.add(parts[0].subspan(kAddresses));
  for (auto const part : parts.subspan(1)) gather.add(part);
  return write_all(gather);
}

Result<void> UserPort::write_all(Gather const& gather) {
  if (::writev(fd_.get(), gather.parts.data(), static_cast<int>(gather.count)) >= 0) return {};
  bool const transient = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EINTR;
  return failure(transient ? ErrorKind::unavailable : ErrorKind::system,
                 system_error("write to user port", errno).text());
}

} // namespace weave::datapath
