#pragma once

#include <array>
#include <cstdint>
#include <linux/filter.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/unique_fd.hpp"

namespace weave::datapath {

inline constexpr int kSocketBufferBytes = 4 * 1024 * 1024;
/// Senders wait for buffer space, but no longer than this.
inline constexpr timeval kSendTimeout{.tv_sec = 0, .tv_usec = 100'000};

template <class T>
bool set_option(UniqueFd const& socket, int level, int option, T const& value) {
  return ::setsockopt(socket.get(), level, option, &value, sizeof value) == 0;
}

/// With SO_SNDBUFFORCE and SO_SNDBUF, or their receiving pair: beyond the system's limit only with CAP_NET_ADMIN.
inline void set_buffer(UniqueFd const& socket, int forced, int limited) {
  if (set_option(socket, SOL_SOCKET, forced, kSocketBufferBytes)) return;
  (void)set_option(socket, SOL_SOCKET, limited, kSocketBufferBytes);
}

/// A classic BPF program that answers `value` to every packet; as SO_ATTACH_FILTER, 0 drops all that arrives.
inline bool attach_constant(UniqueFd const& socket, int option, std::uint32_t value) {
  std::array<sock_filter, 1> code{{{BPF_RET | BPF_K, 0, 0, value}}};
  sock_fprog const program{.len = code.size(), .filter = code.data()};
  return set_option(socket, SOL_SOCKET, option, program);
}

} // namespace weave::datapath
