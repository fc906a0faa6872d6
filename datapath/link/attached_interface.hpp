#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/process/subprocess.hpp"
#include "base/result.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/network_namespace.hpp"
#include "datapath/link/sandbox_interface.hpp"

namespace weave::datapath {

/// The interface that `weave attach` gives to a container that runs already (protocol/datapath.md §10), and its host
/// and container end on the way there, each followed by the container's process id.
inline constexpr std::string_view kAttachedName = "ethwe";
inline constexpr std::string_view kAttachedHostPrefix = "vethwepl";
inline constexpr std::string_view kAttachedGuestPrefix = "vethwepg";

/// How fast neighbours are asked again: an address that another container took over must be reachable at once
/// (protocol/surfaces.md §15.3). In the calling thread's network namespace.
[[nodiscard]] Result<void> shorten_neighbour_timers(std::string_view link_name);

/// One container's interface. Blocking; every call opens its own sockets, so that any thread may make it, but one at a
/// time for each container.
class AttachedInterface {
 public:
  struct Wish {
    /// To be there in the end, beside those that are there already.
    std::vector<Ipv4Cidr> addresses;
    /// Multicast goes out by this interface.
    bool multicast_route = true;
  };
  struct State {
    /// All that the interface has now, oldest first.
    std::vector<Ipv4Cidr> addresses;
    /// Why multicast of other subnets is not kept out of the container.
    std::optional<Error> unfiltered;
  };

  /// `guest` must outlive this object. `run` is replaced in tests.
  explicit AttachedInterface(NetworkNamespace const& guest, RunCommand run = run_command)
      : guest_{guest}, run_{std::move(run)} {}

  [[nodiscard]] Result<bool> exists() const;
  /// Makes the pair and moves its end into the container, where it stays down. `links` and `sandboxes` are those of the
  /// host. Nothing stays after a failure. Milliseconds.
  [[nodiscard]] Result<void> plug(SandboxInterfaces& sandboxes, Links& links, std::int64_t pid,
                                  std::string const& bridge) const;
  /// Adds what is missing, brings the interface up and announces the new addresses.
  [[nodiscard]] Result<State> configure(Wish const& wish) const;
  /// Takes addresses away, whatever their prefix length, and the interface with the last one. What is not there is no
  /// error.
  [[nodiscard]] Result<void> remove(std::vector<Ipv4Address> const& addresses) const;

 private:
  [[nodiscard]] Result<void> prepare() const;
  [[nodiscard]] Result<void> filter_multicast(std::vector<Ipv4Cidr> const& subnets) const;
  [[nodiscard]] Result<void> ensure_rule(std::string const& action, std::vector<std::string> const& rule) const;
  void drop_rule(std::vector<std::string> const& rule) const;

  NetworkNamespace const& guest_;
  RunCommand run_;
};

} // namespace weave::datapath
