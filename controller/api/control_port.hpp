#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "controller/api/messages.hpp"
#include "controller/api/metric_samples.hpp"

/// What the control API needs from the daemon; implemented by the composition root. Everything is called on the control
/// thread. Callbacks run exactly once, on that thread, inside the call or later. An operation that may wait returns its
/// Cancel, called at most once and only before the callback, when the client has gone; the callback then still runs
/// (with ErrorKind::cancelled). The ports must outlive the servers that use them.
namespace weave::controller::api {

using Cancel = std::function<void()>;
template <class T>
using Completion = std::function<void(Result<T>)>;

/// The mesh and the daemon as a whole.
class DaemonPort {
 public:
  virtual ~DaemonPort() = default;

  /// Without RouterStatus::fast_path.
  [[nodiscard]] virtual StatusReport report() const = 0;
  /// What the kernel fast path has installed; absent if there is none. One dump from the kernel.
  [[nodiscard]] virtual Result<std::optional<FastPathStatus>> flows() { return std::nullopt; }
  /// For `/metrics` only.
  [[nodiscard]] virtual std::vector<MetricSample> samples() const { return {}; }
  /// Adds direct targets (`host[:port]`, as typed); with `replace` they become the only ones. Good ones are added even
  /// if others are bad; the callback gets one line for each bad one.
  virtual void connect(std::vector<std::string> peers, bool replace,
                       std::function<void(std::vector<std::string> errors)> done) = 0;
  /// Unknown ones are no error.
  virtual void forget(std::vector<std::string> peers) = 0;
};

/// Address allocation (protocol/ipam-dns.md §7.5). `id` is a container id, `weave:expose`, or `_` for "none", when the
/// address is filed under its own text. What waits fails after `limit` (absent: never) with ErrorKind::timed_out and a
/// text that says who is missing.
class AddressPort {
 public:
  virtual ~AddressPort() = default;

  using Limit = std::optional<Duration>;

  /// The first address in `subnet` (absent: the default subnet) that `id` has or can get.
  [[nodiscard]] virtual Cancel allocate(std::string id, std::optional<Ipv4Cidr> subnet, bool check_alive, Limit limit,
                                        Completion<Ipv4Cidr> done) = 0;
  /// Error texts without the prefix `Unable to claim: `.
  [[nodiscard]] virtual Cancel claim(std::string id, Ipv4Cidr address, bool check_alive, bool no_error_on_unknown,
                                     Limit limit, Completion<void> done) = 0;
  /// Absent subnet: the default subnet.
  [[nodiscard]] virtual std::vector<Ipv4Cidr> lookup(std::string const& id, std::optional<Ipv4Cidr> subnet) const = 0;
  [[nodiscard]] virtual std::vector<OwnedAddresses> owned() const = 0;
  /// Error: `Free: address <ip> not found for <id>`.
  [[nodiscard]] virtual Result<void> release(std::string const& id, Ipv4Address address) = 0;
  /// Error: `Delete: no addresses for <id>`.
  [[nodiscard]] virtual Result<void> release_all(std::string const& id) = 0;
  [[nodiscard]] virtual Ipv4Cidr default_subnet() const = 0;
  /// Empty, or the name of a range tracker.
  [[nodiscard]] virtual std::string tracker() const = 0;
  /// Completes when a ring exists, also on shutdown.
  [[nodiscard]] virtual Cancel prime(Limit limit, Completion<void> done) = 0;
  /// Gives all our ranges to another peer and allocates no more.
  virtual void hand_over() = 0;
  /// Takes over the ranges of a dead peer, named by name or nickname; how many addresses that were (0 if unknown).
  [[nodiscard]] virtual Result<std::uint32_t> take_over(std::string const& peer) = 0;
};

/// The names that this host registers, and those of the whole mesh (protocol/ipam-dns.md §14, §15). Absent port: DNS is
/// off.
class NamePort {
 public:
  /// What is absent matches everything.
  struct Filter {
    std::optional<std::string> container_id;
    std::optional<Ipv4Address> address;
    std::optional<std::string> fqdn; ///< compared with case, the final dot need not be there
  };

  virtual ~NamePort() = default;

  /// A name outside the domain is ignored. With `check_alive`, the name of a container that does not run is taken back
  /// before `done`. An error says that the name is there but will be forgotten.
  virtual void add(std::string container_id, Ipv4Address address, std::string fqdn, bool check_alive,
                   Completion<void> done) = 0;
  /// Entries of this host only. An error says that they are gone but will be back at the next start.
  [[nodiscard]] virtual Result<void> remove(Filter filter) = 0;
  /// Of the whole mesh, deleted ones too, in storage order.
  [[nodiscard]] virtual std::vector<DnsEntryStatus> entries() const = 0;
  /// With the final dot.
  [[nodiscard]] virtual std::string domain() const = 0;
  /// `host:port` at which questions are answered.
  [[nodiscard]] virtual std::string listen_address() const = 0;
};

/// Docker's part of the daemon: its default network and whether it is served at all.
class DockerNetworkPort {
 public:
  struct Removal {
    bool removed = false;                         ///< or was not there
    std::vector<std::string> attached_containers; ///< ids that hindered it
    bool others = false;                          ///< Docker has, or may have, other networks of our drivers
  };

  virtual ~DockerNetworkPort() = default;

  /// Must complete in bounded time, with ErrorKind::unavailable if Docker does not answer.
  virtual void remove_default_network(Completion<Removal> done) = 0;

  /// Serves Docker, from now on and after restarts, until switch_off. Nothing changes if it is served. The default
  /// network comes in the background; readiness waits for it. Errors: unavailable, a socket cannot be had; refused,
  /// there is to be none.
  [[nodiscard]] virtual Result<void> switch_on() = 0;
  /// Lets nothing new join, from now on and after restarts, until switch_on or the next launch; then removes the
  /// default network as remove_default_network does. What is attached stays and can be given up.
  virtual void switch_off(Completion<Removal> done) = 0;
};

} // namespace weave::controller::api
