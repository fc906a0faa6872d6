#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"

namespace weave::controller::ipam {

/// What the allocator wants to know about the mesh. Control thread only.
class MeshView {
 public:
  virtual ~MeshView() = default;

  /// In the topology right now. Our own name counts as known.
  [[nodiscard]] virtual bool is_known(PeerName peer) const = 0;
  [[nodiscard]] virtual std::optional<std::string> nickname(PeerName peer) const = 0;
  /// Every peer of the topology other than ourselves.
  [[nodiscard]] virtual std::vector<PeerName> reachable_peers() const = 0;
  /// How many of the peers named at launch are there, for people waiting: "2 of 5 initial peers reachable: a, b;
  /// missing c, d, e". Empty if none were named.
  [[nodiscard]] virtual std::string initial_peers() const = 0;
};

/// Everything stored: the ring (or the election) as opaque bytes, and one opaque text for each id that holds addresses.
struct StoredIpam {
  /// Empty if nothing was ever saved.
  Bytes state;
  std::vector<std::pair<std::string, std::string>> owned;
};

/// What changed since the last save; to be applied as one transaction.
struct IpamChange {
  std::optional<Bytes> state;
  /// id and its new text, or nothing if the id holds no address any more.
  std::vector<std::pair<std::string, std::optional<std::string>>> owned;
};

/// The port behind which ring and owned addresses are kept. `save` returns only when the change is on stable storage;
/// the allocator answers nobody and sends nothing before. Control thread only.
class IpamStore {
 public:
  virtual ~IpamStore() = default;

  [[nodiscard]] virtual Result<StoredIpam> load() = 0;
  [[nodiscard]] virtual Result<void> save(IpamChange const& change) = 0;
};

} // namespace weave::controller::ipam
