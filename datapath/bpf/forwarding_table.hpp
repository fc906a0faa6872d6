#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "datapath/fastpath/forwarding_state.hpp"

namespace weave::datapath::bpf {

/// A neighbour as the programs know it. Addresses in host byte order.
struct NeighbourEntry {
  std::uint32_t remote = 0;
  std::uint32_t local = 0;
  std::uint32_t ifindex = 0;
  Carrier carrier = Carrier::none;

  friend bool operator==(NeighbourEntry const&, NeighbourEntry const&) = default;
};

/// What the programs know about a peer.
struct RouteEntry {
  bool known = false;
  /// Neighbour that frames for the peer go to.
  std::optional<ShortId> hop = {};

  friend bool operator==(RouteEntry const&, RouteEntry const&) = default;
};

/// The contents of the kernel maps that follow from a ForwardingState. Whatever is absent is empty there.
struct ForwardingEntries {
  std::map<ShortId, RouteEntry> routes;
  std::map<ShortId, NeighbourEntry> neighbours;
  std::map<ShortId, std::vector<ShortId>> floods;

  friend bool operator==(ForwardingEntries const&, ForwardingEntries const&) = default;
};

/// Interface number of the VXLAN device for a UDP port, 0 if there is none (yet).
using DeviceOfPort = std::function<std::uint32_t(std::uint16_t)>;

/// What the state means for the maps. A tunnel by a port without device carries nothing.
[[nodiscard]] ForwardingEntries wanted_entries(ForwardingState const& state, DeviceOfPort const& device_of);

/// While the mesh comes together after a start: adds to `wanted` what is installed for peers that the state has no
/// route to yet, so that their traffic goes on.
void keep_unmet(ForwardingEntries& wanted, ForwardingEntries const& installed, ForwardingState const& state);

/// One element of a flood list in the kernel.
struct ListElement {
  std::uint16_t next = 0;
  std::vector<ShortId> ids;
};

/// The port to the maps; one call is one write.
class ForwardingMaps {
 public:
  virtual ~ForwardingMaps() = default;
  [[nodiscard]] virtual Result<void> write_route(ShortId id, RouteEntry const& entry) = 0;
  [[nodiscard]] virtual Result<void> write_neighbour(ShortId id, NeighbourEntry const& entry) = 0;
  [[nodiscard]] virtual Result<void> write_head(ShortId source, std::uint16_t element) = 0;
  [[nodiscard]] virtual Result<void> write_list(std::uint16_t element, ListElement const& list) = 0;
};

/// What an earlier process left in the maps.
struct InstalledTable {
  ForwardingEntries entries;
  /// Numbers of the list elements that each flood list consists of.
  std::map<ShortId, std::vector<std::uint16_t>> chains;
};

/// Knows what is installed and writes only differences, in an order in which no frame can go astray: what an entry
/// points at is written before it and removed after it, and a list is replaced by one write of its head. List elements
/// are used again as late as possible, because a program may still be reading them. Pure; one thread.
class ForwardingTable {
 public:
  /// `maps` must outlive this object and be empty or hold `installed`.
  explicit ForwardingTable(ForwardingMaps& maps, InstalledTable installed = {});

  /// Goes on after a failure and returns the first; what failed counts as not installed and is written the next time.
  [[nodiscard]] Result<void> bring_to(ForwardingEntries const& wanted);
  [[nodiscard]] ForwardingEntries const& installed() const { return installed_; }

 private:
  class Outcome;
  void write_neighbours(ForwardingEntries const& wanted, Outcome& outcome);
  void write_routes(ForwardingEntries const& wanted, Outcome& outcome);
  void write_floods(ForwardingEntries const& wanted, Outcome& outcome);
  void clear_neighbours(ForwardingEntries const& wanted, Outcome& outcome);
  [[nodiscard]] Result<void> replace_list(ShortId source, std::vector<ShortId> const& ids);
  [[nodiscard]] Result<std::vector<std::uint16_t>> write_chain(std::vector<ShortId> const& ids);
  void release(std::vector<std::uint16_t> const& elements);

  ForwardingMaps& maps_;
  ForwardingEntries installed_;
  std::map<ShortId, std::vector<std::uint16_t>> chains_;
  std::deque<std::uint16_t> free_;
};

} // namespace weave::datapath::bpf
