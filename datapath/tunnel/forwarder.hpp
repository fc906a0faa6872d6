#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "datapath/tunnel/path_quality.hpp"

namespace weave::datapath {

/// One mesh connection as a tunnel needs to know it.
struct TunnelPeer {
  PeerName remote;
  std::string nickname;
  std::optional<ShortId> short_id;
  ConnectionUid connection{};
  /// True if we dialled the TCP connection.
  bool outbound = false;
  /// Addresses of the TCP connection; absent if it is an IPv6 one.
  std::optional<Ipv4Endpoint> local;
  std::optional<Ipv4Endpoint> endpoint;
  /// 32 octets when tunnels must encrypt, else null.
  std::shared_ptr<Secret const> session_key;
  /// Both ends say in their heartbeats on the fast path whether they hear the other.
  bool liveness = false;
  /// Both ends send numbered probes by sleeve (sleeve_special.hpp).
  bool sleeve_probes = false;
  /// What each end announced as its suites for encrypted sleeve packets (sleeve_suite.hpp); empty: the original's only.
  std::string our_suites = {};
  std::string their_suites = {};

  /// "7a:9f:eb:b6:0c:02(host2)", for logs and errors.
  [[nodiscard]] std::string label() const { return remote.to_string() + "(" + nickname + ")"; }
};

/// What a forwarder tells the switch above it. May be called inside the forwarder's own methods: the switch defers.
struct ForwarderEvents {
  /// An overlay control message for the remote's forwarder of the same kind (protocol/datapath.md §3).
  std::function<void(std::uint8_t sub_tag, Bytes payload)> send_control;
  /// The remote has confirmed that our packets arrive; once.
  std::function<void()> established;
  /// The forwarder cannot work for the rest of this connection; nothing follows.
  std::function<void(Error error)> failed;
  /// False: packets have stopped coming in, use another one; true: they are back.
  std::function<void(bool healthy)> health;
};

/// One way of carrying frames to one neighbour: the control part. Destroying it stops it. Control thread only.
class Forwarder {
 public:
  virtual ~Forwarder() = default;

  /// The connection has won against its duplicates: register and start to heartbeat. Called once.
  virtual void confirm() = 0;
  virtual void on_control(std::uint8_t sub_tag, ByteView payload) = 0;
  /// For status: `mtu` and others; `name` is added by the switch.
  [[nodiscard]] virtual std::map<std::string, std::string> attributes() const = 0;
  /// Why it does not work (yet), for people; empty if there is nothing to say.
  [[nodiscard]] virtual std::string explanation() const { return {}; }
  /// Bytes of the largest IP packet that the network carries to the remote; none: not measured.
  [[nodiscard]] virtual std::optional<std::uint32_t> carried_packet() const { return std::nullopt; }
  /// Bytes of the largest IP packet that the network has to carry for this forwarder to work; 0: it does with any.
  [[nodiscard]] virtual std::uint32_t needed_packet() const { return 0; }
  /// Absent where the two ends do not measure it.
  [[nodiscard]] virtual std::optional<PathQuality> quality() const { return std::nullopt; }
  /// Frames go by it from now on, or no more.
  virtual void set_in_use(bool) {}
};

/// A kind of forwarder ("sleeve", "fastdp").
class ForwarderKind {
 public:
  virtual ~ForwarderKind() = default;

  /// As in the `Overlays` feature.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// False: not to be announced now. Connections that were told of it go on counting it, but get none.
  [[nodiscard]] virtual bool available() const { return true; }
  /// An error means that this kind cannot serve the connection; others still may.
  [[nodiscard]] virtual Result<std::unique_ptr<Forwarder>> prepare(TunnelPeer const& peer, ForwarderEvents events) = 0;
};

} // namespace weave::datapath
