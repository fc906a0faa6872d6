#pragma once

#include <optional>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "datapath/bridge/drop_reason.hpp"
#include "datapath/bridge/mac_learning.hpp"
#include "datapath/odp/local_places.hpp"
#include "datapath/odp/plan.hpp"
#include "datapath/odp/port_map.hpp"
#include "datapath/odp/state_view.hpp"
#include "datapath/odp/types.hpp"

namespace weave::datapath::odp {

/// What a decision may depend on; the rest of a packet is never looked at (protocol/datapath.md §5.5).
struct PacketKey {
  PortNo in_port{};
  MacAddress source;
  MacAddress destination;
  /// Only of packets that came out of one.
  std::optional<TunnelMatch> tunnel = {};
  /// Types of its tags, without id: the kernel's flows never cover tagged and untagged packets together.
  std::optional<VlanMatch> tags = {};

  friend bool operator==(PacketKey const&, PacketKey const&) = default;
};

/// None for what is no Ethernet frame.
[[nodiscard]] std::optional<PacketKey> key_of(Upcall const& upcall);
/// Of some packet that the flow takes.
[[nodiscard]] PacketKey key_of(FlowMatch const& match);

/// Who sends with a source address.
struct Sighting {
  MacAddress mac;
  /// Ourself for containers of this host.
  PeerName peer;
  /// Its port then.
  std::optional<PortNo> port = {};

  friend bool operator==(Sighting const&, Sighting const&) = default;
};

/// What is to be done with a packet and all others that look the same.
struct FlowDecision {
  /// As narrow as the decision.
  FlowMatch match;
  Plan plan = {};
  /// `none` unless nothing is done with it.
  DropReason drop = DropReason::none;
  /// May become a flow; it holds until state, ports or addresses change.
  bool cacheable = true;
  /// For the daemon: the packet is no container's.
  bool heartbeat = false;
};

/// Decides about packets of an Open vSwitch datapath (protocol/datapath.md §1, §5.4, §5.5, §13 W1, W9). Reads state,
/// ports and addresses, changes nothing: the same question is asked for a packet and later again for its flow.
class FlowDecider {
 public:
  /// All outlive this object.
  FlowDecider(StateView const& state, PortMap const& ports, MacLearning const& macs, LocalPlaces const& places)
      : state_{state}, ports_{ports}, macs_{macs}, places_{places} {}

  [[nodiscard]] FlowDecision decide(PacketKey const& key) const;
  /// What the packet teaches; none if nothing.
  [[nodiscard]] std::optional<Sighting> sighting(PacketKey const& key) const;

 private:
  [[nodiscard]] FlowDecision captured(PacketKey const& key) const;
  [[nodiscard]] FlowDecision tunnelled(PacketKey const& key) const;
  [[nodiscard]] FlowDecision relayed(PacketKey const& key, TunnelId ids) const;
  [[nodiscard]] FlowDecision arrived(PacketKey const& key, TunnelId ids) const;
  [[nodiscard]] FlowDecision from_user(PacketKey const& key) const;

  void add_copy(Plan& plan, TunnelId ids, ShortId next_hop, bool flooded) const;
  void add_locals(Plan& plan, MacAddress destination, PortNo except) const;
  [[nodiscard]] bool is_local(MacAddress mac) const;
  [[nodiscard]] bool goes_back(TunnelMatch const& tunnel, PortNo in_port, ShortId next_hop) const;

  StateView const& state_;
  PortMap const& ports_;
  MacLearning const& macs_;
  LocalPlaces const& places_;
};

} // namespace weave::datapath::odp
