#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace weave::tools {

/// What a look at one host from here has shown.
struct PeerProbe {
  std::string target;                ///< as typed, or address and port
  std::string source;                ///< where it is from, for people
  std::optional<Ipv4Endpoint> place; ///< absent: the name has no address
  std::string obstacle;              ///< why TCP does not reach it; empty: it does
  bool refused = false;              ///< by the host itself: it is there, and nobody listens
  std::chrono::milliseconds delay{}; ///< until TCP was connected
  bool udp_refused = false;          ///< the host says that nobody listens at the same UDP port
  std::uint32_t path_mtu = 0;        ///< bytes of an IP packet, as far as this kernel knows; 0: it does not

  friend bool operator==(PeerProbe const&, PeerProbe const&) = default;
};

/// A host to look at: a name or IPv4 address, perhaps with a port.
struct PeerToProbe {
  std::string target;
  std::string source;
  bool by_tcp = true; ///< false: a connection is there already, only its way is looked at
};

/// Looks at all of them at once, for `limit` at most: by TCP, and with a UDP datagram of `packet` bytes (headers
/// included) that may not be cut, which makes routers say what they carry. Nobody takes either for anything. Blocking.
[[nodiscard]] std::vector<PeerProbe> probe_peers(std::vector<PeerToProbe> const& peers, std::uint16_t default_port,
                                                 std::uint32_t packet, std::chrono::milliseconds limit);

} // namespace weave::tools
