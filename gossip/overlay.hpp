#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace weave::gossip {

/// The features map of the introduction (protocol/mesh.md §3.4), text to text.
using Features = std::map<std::string, std::string>;

/// Everything a data plane needs to know of one mesh connection when it is prepared (mesh.md §2.2 phase 4).
struct OverlayConnectionParameters {
  PeerName remote;
  std::string remote_nickname;
  std::optional<ShortId> remote_short_id;
  ConnectionUid connection_uid{};
  /// True if we dialled the TCP connection.
  bool outbound = false;
  /// TCP addresses of this connection. An IPv6 connection has none and cannot carry IPv4 overlays.
  std::optional<Ipv4Endpoint> local;
  std::optional<Ipv4Endpoint> remote_endpoint;
  /// The remote's features as received; `Overlays` decides between the switch and compat mode (mesh.md §6).
  Features features;
  /// What we announced on this connection.
  Features announced;
  /// 32 octets when a password is set and the connection is untrusted, else null: then frames travel in clear.
  std::shared_ptr<Secret const> session_key;
  /// Sends one overlay control message to the remote over TCP: mesh tag (7, or 1..3 in compat mode) and body.
  std::function<void(std::uint8_t tag, Bytes body)> send_control;
  /// Call once, when the first forwarder is established.
  std::function<void()> on_established;
  /// Call at most once, when no forwarder works any more; the mesh drops the connection with this text.
  std::function<void(Error error)> on_error;
};

/// The data plane's end of one mesh connection. Destroying it stops it. Control thread only. The callbacks of the
/// parameters are never called from inside these methods or the destructor, always later through the scheduler.
class OverlayConnection {
 public:
  virtual ~OverlayConnection() = default;

  /// The connection has won its duplicate check and is in the peer table: start heartbeats.
  virtual void confirm() = 0;
  /// An overlay control message arrived: tag 1..3 or 7 and the bytes after it. Malformed ones are logged and dropped.
  virtual void on_control(std::uint8_t tag, ByteView body) = 0;
  /// Attributes for status: `name` (overlay in use), `mtu`, … in key order (mesh.md §15).
  [[nodiscard]] virtual std::map<std::string, std::string> attributes() const = 0;
  /// Why the best way of carrying frames is not the one in use, for people; empty if it is.
  [[nodiscard]] virtual std::string explanation() const { return {}; }
};

/// The port through which the mesh reaches a data plane. Control thread only.
class Overlay {
 public:
  virtual ~Overlay() = default;

  /// Adds what we announce in the introduction (`Overlays`).
  virtual void add_features(Features& features) const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<OverlayConnection>> prepare(OverlayConnectionParameters parameters) = 0;
};

/// Carries nothing and is established at once: a mesh without a data plane, for tests and tools.
[[nodiscard]] std::unique_ptr<Overlay> make_null_overlay();

} // namespace weave::gossip
