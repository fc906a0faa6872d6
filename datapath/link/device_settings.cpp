#include "datapath/link/device_settings.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/unique_fd.hpp"
#include "datapath/link/link.hpp"

namespace weave::datapath {

namespace {

Result<std::uint32_t> checksum_command(std::string_view link_name, std::uint32_t command, std::uint32_t data) {
  auto const what = fmt::format("ethtool {}", link_name);
  if (link_name.size() > kLinkNameMax) return failure(ErrorKind::out_of_range, what + ": name too long");
  UniqueFd const socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket) return std::unexpected(system_error(what, errno));
  ethtool_value value{};
  value.cmd = command;
  value.data = data;
  ifreq request{};
  std::memcpy(request.ifr_name, link_name.data(), link_name.size());
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (::ioctl(socket.get(), SIOCETHTOOL, &request) < 0) return std::unexpected(system_error(what, errno));
  return value.data;
}

} // namespace

Result<void> write_sysctl(std::string_view path, std::string_view value) {
  auto const file = fmt::format("/proc/sys/{}", path);
  UniqueFd const fd{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd) {
    if (errno == ENOENT) return {};
    return std::unexpected(system_error("open " + file, errno));
  }
  if (::write(fd.get(), value.data(), value.size()) < 0) return std::unexpected(system_error("write " + file, errno));
  return {};
}

Result<void> refuse_ipv6_autoconf(std::string_view link_name) {
  auto const base = fmt::format("net/ipv6/conf/{}/", link_name);
  for (auto const& [key, value] : {std::pair{"accept_ra", "0"}, {"autoconf", "0"}, {"addr_gen_mode", "1"}}) {
    if (auto written = write_sysctl(base + key, value); !written) return written;
  }
  return {};
}

Result<void> set_tx_checksum_offload(std::string_view link_name, bool on) {
  auto const set = checksum_command(link_name, ETHTOOL_STXCSUM, on ? 1 : 0);
  if (!set) return failure_of(set);
  return {};
}

Result<bool> tx_checksum_offload(std::string_view link_name) {
  auto const value = checksum_command(link_name, ETHTOOL_GTXCSUM, 0);
  if (!value) return failure_of(value);
  return *value != 0;
}

} // namespace weave::datapath
