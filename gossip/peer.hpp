#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/peer_name.hpp"

namespace weave::gossip {

/// What one peer says about one of its own TCP connections. Directed: the other end makes its own statement.
struct PeerConnection {
  PeerName remote;
  /// `ip:port` as seen by the peer that states it (protocol/mesh.md §2.1).
  std::string address = {};
  /// True if the stating peer dialled.
  bool outbound = false;
  bool established = false;

  friend bool operator==(PeerConnection const&, PeerConnection const&) = default;
};

/// The record of one peer, as gossiped and as kept in the table (mesh.md §10.2). A value: no ownership, no identity.
/// A placeholder (known only from somebody's list) has UID 0, version 0 and nothing else.
struct Peer {
  PeerName name;
  std::string nickname;
  PeerUid uid{};
  /// Counter of changes made by the peer itself; starts at 0 in each of its incarnations.
  std::uint64_t version = 0;
  /// Absent in old releases. Learnt values may exceed kShortIdMax: they are kept, but never owned (mesh.md §12).
  std::optional<ShortId> short_id;
  std::map<PeerName, PeerConnection> connections;

  friend bool operator==(Peer const&, Peer const&) = default;
};

/// `7a:00:00:00:00:01(nick)`, as logs and status print a peer.
[[nodiscard]] inline std::string peer_text(PeerName name, std::string const& nickname) {
  return name.to_string() + "(" + nickname + ")";
}
[[nodiscard]] inline std::string peer_text(Peer const& peer) { return peer_text(peer.name, peer.nickname); }

} // namespace weave::gossip
