#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "datapath/link/link.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::datapath {

/// What a new bridge is made with.
struct BridgeSpec {
  std::string name;
  MacAddress mac;
  std::uint32_t mtu = 0;
};

/// What both ends of a new veth pair are made with. Without a MAC the kernel draws one.
struct VethSpec {
  std::string host_name;
  std::string guest_name;
  std::uint32_t mtu = 0;
  std::optional<MacAddress> guest_mac = {};
};

/// Interfaces of one network namespace over rtnetlink. Blocking, one thread. Adds of what exists fail with
/// already_exists (the caller compares); deletes of what is missing succeed.
class Links {
 public:
  /// `socket` must outlive this object.
  explicit Links(RouteSocket& socket) : socket_{socket} {}

  /// not_found when there is none of that name.
  [[nodiscard]] Result<Link> find(std::string_view name);
  [[nodiscard]] Result<Link> find(LinkIndex index);
  /// All whose name begins with `prefix`.
  [[nodiscard]] Result<std::vector<Link>> list(std::string_view prefix = {});

  /// A bridge without spanning tree and without multicast snooping, down. Its MAC stays when ports come and go.
  [[nodiscard]] Result<void> create_bridge(BridgeSpec const& spec);
  /// The same two settings for a bridge that exists.
  [[nodiscard]] Result<void> tame_bridge(std::string_view name);
  /// A veth pair, both ends down.
  [[nodiscard]] Result<void> create_veth(VethSpec const& spec);
  /// Deletes the interface (of a veth pair: both ends).
  [[nodiscard]] Result<void> remove(std::string_view name);

  [[nodiscard]] Result<void> change(std::string_view name, LinkChange const& change);
  [[nodiscard]] Result<void> change_port(std::string_view name, BridgePortChange const& change);

  /// For requests about devices of kinds that this class does not know.
  [[nodiscard]] RouteSocket& socket() { return socket_; }

 private:
  RouteSocket& socket_;
};

/// out_of_range unless 1-15 bytes without slash, colon or white space.
[[nodiscard]] Result<void> check_link_name(std::string_view name);

} // namespace weave::datapath
