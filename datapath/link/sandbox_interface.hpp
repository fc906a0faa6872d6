#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/link/links.hpp"

namespace weave::datapath {

/// What a container's interface is made from.
struct SandboxSpec {
  /// Host end, becomes a bridge port: "vethwl" + nine characters.
  std::string host_name;
  /// Container end, left in this network namespace for the engine to move and rename: "vethwg" + the same nine.
  std::string guest_name;
  /// 0 takes the bridge's.
  std::uint32_t mtu = 0;
  /// Of the container end; absent: the kernel draws one.
  std::optional<MacAddress> mac = {};
  std::string bridge = "weave";
};

/// The end of a container's pair that stays on the host.
struct HostEnd {
  std::string name;
  LinkIndex index{};
  /// The other end has not gone into a container, or has come back from it.
  bool peer_here = false;

  friend bool operator==(HostEnd const&, HostEnd const&) = default;
};

/// Makes the host end of a pair a port of the overlay's switch. Idempotent.
using PlugIn = std::function<Result<void>(std::string const& host_name)>;

/// Veth pairs between the overlay's switch and containers. Blocking (well under a millisecond a call), one thread,
/// idempotent.
class SandboxInterfaces {
 public:
  /// `links` must outlive this object. The switch is a Linux bridge, or whatever `plug_in` plugs into.
  explicit SandboxInterfaces(Links& links, PlugIn plug_in = {}) : links_{links}, plug_in_{std::move(plug_in)} {}

  /// Makes the pair, or completes one that a lost request left behind, and returns the container end's MAC. Nothing
  /// stays after a failure. already_exists when the container end is in use elsewhere.
  [[nodiscard]] Result<MacAddress> create_endpoint(SandboxSpec const& spec);
  /// Deletes both ends, wherever the container end is. Succeeds if there is none.
  [[nodiscard]] Result<void> delete_endpoint(std::string_view host_name);
  /// Those that exist now, of Docker's endpoints and of attached containers, for the comparison with what is known.
  [[nodiscard]] Result<std::vector<HostEnd>> host_ends();

 private:
  [[nodiscard]] Result<void> make_pair(SandboxSpec const& spec, std::uint32_t mtu);
  [[nodiscard]] Result<MacAddress> attach(SandboxSpec const& spec, Link const& bridge, std::uint32_t mtu);
  [[nodiscard]] Result<void> plug_in(SandboxSpec const& spec, Link const& bridge, std::uint32_t mtu);

  Links& links_;
  PlugIn plug_in_;
};

} // namespace weave::datapath
