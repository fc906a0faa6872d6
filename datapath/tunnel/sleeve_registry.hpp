#pragma once

#include <cstdint>
#include <map>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "datapath/tunnel/sleeve_io.hpp"

namespace weave::datapath {

/// What the forwarder of one connection receives from the packet workers.
class SleeveReceiver {
 public:
  virtual ~SleeveReceiver() = default;

  virtual void on_special(Ipv4Endpoint from, SleeveChannel channel, ByteView frame, TimePoint at) = 0;
  virtual void on_too_big(std::uint32_t path_mtu) = 0;
  virtual void on_send_error(Error const& error) = 0;
};

/// Hands the workers' events to the forwarder that is registered for the peer. Made before the workers and destroyed
/// after them. Control thread only. Events for peers without a forwarder, or of an earlier connection, are lost.
class SleeveRegistry {
 public:
  SleeveRegistry() = default;
  SleeveRegistry(SleeveRegistry const&) = delete;
  SleeveRegistry& operator=(SleeveRegistry const&) = delete;

  /// Callbacks for the SleeveIo implementation, valid while the registry lives.
  [[nodiscard]] SleeveEvents events();

  /// Replaces the forwarder of an earlier connection to this peer. `receiver` stays registered until removed.
  void add(PeerName peer, ConnectionUid connection, SleeveReceiver& receiver);
  /// Only if it still belongs to this connection.
  void remove(PeerName peer, ConnectionUid connection);

 private:
  struct Entry {
    ConnectionUid connection{};
    SleeveReceiver* receiver = nullptr;
  };
  [[nodiscard]] SleeveReceiver* find(PeerName peer, ConnectionUid connection) const;

  std::map<PeerName, Entry> entries_;
};

} // namespace weave::datapath
