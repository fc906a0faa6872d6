#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/logger.hpp"
#include "base/random.hpp"
#include "gossip/connection_maker.hpp"
#include "gossip/gossip_channels.hpp"
#include "gossip/link.hpp"
#include "gossip/local_peer.hpp"
#include "gossip/overlay.hpp"
#include "gossip/peer_table.hpp"
#include "gossip/refusals.hpp"
#include "gossip/routes.hpp"
#include "gossip/status.hpp"

namespace weave::gossip {

/// All TCP connections of this peer and the rules of their life (protocol/mesh.md §2.2-2.5): who may connect, which of
/// two connections to one peer survives, who gets our full state. Whatever a remote does ends at most its own
/// connection. Control thread only.
class Links final : public NeighbourLinks {
 public:
  struct Settings {
    VersionRange versions{1, 2};
    std::size_t connection_limit = 200;
    std::vector<Ipv4Cidr> trusted_subnets;
    /// Nothing is to travel in clear: connections that would are refused.
    bool require_encryption = false;
    /// Called for each connection; empty when no password is set.
    std::function<std::unique_ptr<KeyExchange>()> make_keys;
  };
  /// The other parts of this peer.
  struct Parts {
    PeerTable& peers;
    LocalPeer& local;
    Routes& routes;
    Overlay& overlay;
    Scheduler& scheduler;
    RandomSource& random;
  };

  Links(Settings settings, Parts parts, Logger logger);
  ~Links() override;

  /// The remaining parts, which need this one; set before the first connection.
  void attach(GossipChannels& channels, ConnectionMaker& maker);

  void on_accepted(std::unique_ptr<ByteStream> stream);
  void on_dialled(std::unique_ptr<ByteStream> stream, std::string const& address, bool accept_new_peer);
  /// Closes all because we stop: the remotes are told, nobody here is.
  void drop_all();

  [[nodiscard]] Result<void> send_now(PeerName neighbour, OutgoingMessage const& message) override;
  void queue_gossip(PeerName neighbour, std::string const& channel, GossipData const& data) override;
  void queue_broadcast(PeerName neighbour, std::string const& channel, PeerName source,
                       GossipData const& data) override;

  /// The connections in our record, ascending by peer; then who was refused lately.
  [[nodiscard]] std::vector<ConnectionStatus> status() const;

 private:
  using LinkPointer = std::shared_ptr<Link>;

  void start(std::unique_ptr<ByteStream> stream, Link::Origin origin);
  void on_introduced(LinkPointer const& link, Features const& features);
  [[nodiscard]] Result<void> identify(Link& link, Features const& features);
  [[nodiscard]] Result<void> check_encryption(Link const& link) const;
  [[nodiscard]] Result<void> prepare_overlay(LinkPointer const& link, Features const& features);
  [[nodiscard]] Result<void> add(LinkPointer const& link);
  /// Decides between `link` and an older connection to the same peer; true if the older one has been replaced.
  [[nodiscard]] Result<bool> settle_duplicate(Link& link);
  [[nodiscard]] Result<void> on_message(Link& link, std::uint8_t tag, ByteView body);
  void on_established(Link& link);
  void on_closed(LinkPointer const& link, Error const& cause);
  [[nodiscard]] Link* find(PeerName neighbour) const;
  [[nodiscard]] bool is_added(Link const& link) const;
  [[nodiscard]] bool is_trusted_address(std::optional<Ipv4Endpoint> const& remote) const;
  [[nodiscard]] std::string remote_text(Link const& link) const;

  Settings settings_;
  Parts parts_;
  Logger logger_;
  GossipChannels* channels_ = nullptr;
  ConnectionMaker* maker_ = nullptr;
  Refusals refusals_;
  std::set<LinkPointer> links_;
  /// Those in our record.
  std::map<PeerName, LinkPointer> added_;
};

} // namespace weave::gossip
