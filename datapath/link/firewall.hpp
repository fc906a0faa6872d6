#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/link/subprocess.hpp"

namespace weave::datapath {

/// An address of this host in the overlay (`weave expose`).
struct Exposure {
  Ipv4Cidr address;
  /// Traffic between its subnet and the rest of the world takes this host's address.
  bool masquerade = true;

  friend bool operator==(Exposure const&, Exposure const&) = default;
};

/// What the firewall shall let pass.
struct FirewallWish {
  std::string bridge;
  /// Docker's own bridge, whose containers do not reach into the overlay; empty: there is none.
  std::string docker_bridge;
  std::vector<Exposure> exposures;
  /// Name of an AddressSet of this host's own containers: what goes to them keeps its source. Empty: there is none.
  std::string local_set = {};
  /// Ports of this host that are there for other hosts: what containers send there is dropped.
  std::vector<std::uint16_t> tcp_ports = {};
  std::vector<std::uint16_t> udp_ports = {};
  /// Of TCP, on loopback addresses: nobody else reaches them, also where the kernel routes such addresses.
  std::vector<std::uint16_t> loopback_ports = {};
  /// Containers on Docker's bridge may ask a name server of this host.
  bool names = false;

  friend bool operator==(FirewallWish const&, FirewallWish const&) = default;
};

/// Input for `iptables-restore --noflush` that brings our chains to `wish` whatever is in them, given what
/// `iptables-save` prints now. Pure.
[[nodiscard]] std::string firewall_script(FirewallWish const& wish, std::string_view saved);
/// The same to take everything of ours away; empty if nothing is there.
[[nodiscard]] std::string firewall_removal(std::string_view saved);
/// Those lines of `iptables-save` that are ours: what has to be as we left it.
[[nodiscard]] std::vector<std::string> own_rules(std::string_view saved);

/// The overlay's rules in iptables' own tables (protocol/surfaces.md §15.2): Docker sets the policy of FORWARD to DROP,
/// and with bridge netfilter on that hits frames between two ports of one bridge as well; only an ACCEPT there spares a
/// packet that policy. They are in chains of ours, `WEAVE-FORWARD`, `WEAVE-EXPOSE` and `WEAVE-INPUT` of the filter
/// table, `WEAVE` of the nat table, filled as a whole in one transaction. Blocking, some milliseconds a call, more
/// while others hold iptables' lock; one thread at a time.
class OverlayFirewall {
 public:
  /// `converse` is replaced in tests.
  explicit OverlayFirewall(ConverseCommand converse = converse_with) : converse_{std::move(converse)} {}

  /// Without iptables on the host nobody filters with it and there is nothing to do, but not_found if something is to
  /// be masqueraded.
  [[nodiscard]] Result<void> apply(FirewallWish const& wish);
  /// Why apply() left the wish's set out: this host's iptables cannot match sets.
  [[nodiscard]] std::optional<Error> const& set_refusal() const { return set_refusal_; }
  /// Whether everything is as the last apply() left it. Others flush iptables (firewalld, an administrator).
  [[nodiscard]] Result<bool> intact() const;
  [[nodiscard]] Result<void> remove();

 private:
  [[nodiscard]] Result<std::string> saved() const;
  /// Its exit status is in `status`, if it ran.
  [[nodiscard]] Result<void> restore(std::string const& script, int* status = nullptr) const;

  ConverseCommand converse_;
  /// As apply() left them.
  std::optional<std::vector<std::string>> left_;
  std::optional<Error> set_refusal_;
};

} // namespace weave::datapath
