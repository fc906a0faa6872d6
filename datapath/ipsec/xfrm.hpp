#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "datapath/ipsec/key_offer.hpp"

namespace weave::datapath::ipsec {

/// Ours have this number in the field that ties policies and associations together (reqid), by which a later process
/// knows what an earlier one has left. Not on the wire. The original has 0 there.
inline constexpr std::uint32_t kTag = 0x77656176;

/// Which packets an association is for.
struct AssociationId {
  Ipv4Address source;
  Ipv4Address destination;
  Spi spi{};

  friend auto operator<=>(AssociationId const&, AssociationId const&) = default;
};

enum class Direction : std::uint8_t { in, out };

/// Which VXLAN packets a policy is for; it is their identity in the kernel as well.
struct PolicyId {
  Direction direction = Direction::out;
  /// Unspecified: any.
  Ipv4Address source;
  Ipv4Address destination;
  /// UDP destination port.
  std::uint16_t port = 0;

  friend auto operator<=>(PolicyId const&, PolicyId const&) = default;
};

enum class Treatment : std::uint8_t {
  block,       ///< nothing passes
  encrypted,   ///< only what is encrypted passes; what we send is encrypted with `spi`
  may_be_clear ///< clear packets pass
};

struct Policy {
  PolicyId id;
  Treatment treatment = Treatment::block;
  /// The association of what we send.
  std::optional<Spi> spi = {};
  /// Lower ones decide first.
  std::uint32_t priority = 0;

  friend bool operator==(Policy const&, Policy const&) = default;
};

/// What the kernel has of ours.
struct Inventory {
  std::vector<AssociationId> associations;
  std::vector<Policy> policies;
};

/// IPsec in the kernel (XFRM), as far as VXLAN needs it; of one network namespace. Control thread only; each call may
/// block for a system call. Errors carry the kernel's words.
class Xfrm {
 public:
  virtual ~Xfrm() = default;

  /// Reserves a number for packets of this source to that destination.
  [[nodiscard]] virtual Result<Spi> allocate(Ipv4Address source, Ipv4Address destination) = 0;
  /// For what is received; `id` was allocated. `key`: AES-256 key and salt.
  [[nodiscard]] virtual Result<void> complete(AssociationId const& id, Secret const& key) = 0;
  /// For what is sent.
  [[nodiscard]] virtual Result<void> add(AssociationId const& id, Secret const& key) = 0;
  /// Success if it is not there.
  [[nodiscard]] virtual Result<void> remove(AssociationId const& id) = 0;
  /// Adds the policy or replaces that of the same id.
  [[nodiscard]] virtual Result<void> set(Policy const& policy) = 0;
  /// Success if it is not there.
  [[nodiscard]] virtual Result<void> remove(PolicyId const& id) = 0;
  [[nodiscard]] virtual Result<Inventory> inventory() = 0;
};

} // namespace weave::datapath::ipsec
