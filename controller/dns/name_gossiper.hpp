#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/logger.hpp"
#include "base/random.hpp"
#include "base/scheduler.hpp"
#include "controller/dns/name_lookup.hpp"
#include "controller/dns/name_message.hpp"
#include "controller/dns/name_table.hpp"
#include "gossip/gossiper.hpp"

namespace weave::controller::dns {

/// The mesh channel of this protocol.
inline constexpr std::string_view kNameChannel = "nameserver";

/// The port to what the mesh knows of its members.
class MeshMembers {
 public:
  virtual ~MeshMembers() = default;

  /// In the topology right now; our own name counts.
  [[nodiscard]] virtual bool is_known(PeerName peer) const = 0;
  /// Ascending.
  [[nodiscard]] virtual std::vector<PeerName> members() const = 0;
};

/// All must outlive the gossiper.
struct NamePorts {
  Scheduler& scheduler;
  RandomSource& random;
  MeshMembers const& mesh;
  Logger log;
};

/// Keeps the names of this peer and those of all others in agreement over the mesh, and publishes them to the DNS
/// server (protocol/ipam-dns.md §12). Control thread only, apart from names().
///
/// Contract: a local change is answered from, and queued for all peers, when the call returns. Names of a peer that
/// leaves the mesh go when on_peer_gone says so. When a partition heals, names are complete again within seconds: names
/// that arrive before their peer is known wait for it, each side tells its own names to peers it has not seen before,
/// and asks (our own kind of) peers whose names it still lacks. A clock that is wrong, here or elsewhere, is logged and
/// does no harm; peers of the original drop their connections to a peer whose clock is off by more than 15 minutes.
///
/// Use: construct, register on the mesh channel, `attach`, add what is known, `start`.
class NameGossiper final : public gossip::Gossiper {
 public:
  NameGossiper(PeerName self, NamePorts ports);
  ~NameGossiper() override;
  NameGossiper(NameGossiper const&) = delete;
  NameGossiper& operator=(NameGossiper const&) = delete;

  void attach(gossip::GossipChannel& channel) { channel_ = &channel; }
  void start();

  /// `hostname` is fully qualified, with the final dot.
  void add(std::string container_id, std::string hostname, Ipv4Address address);
  /// How many there were.
  std::size_t remove(NameFilter const& filter);

  void on_peer_gone(PeerName peer);
  /// Peers may have joined. Not needed, but spares them up to a second.
  void on_topology_changed();

  /// Peers whose clock differs from ours so that it matters, by the seconds that it is ahead, as last heard of.
  [[nodiscard]] std::map<PeerName, std::int64_t> const& wrong_clocks() const { return wrong_clocks_; }

  [[nodiscard]] NameLookup const& names() const { return published_; }
  [[nodiscard]] NameTable const& table() const;
  [[nodiscard]] PeerName self() const { return self_; }

  [[nodiscard]] std::unique_ptr<gossip::GossipData> complete_state() override;
  /// Between peers of this kind only: the original ignores unicasts on this channel.
  [[nodiscard]] Result<void> on_unicast(PeerName source, ByteView payload) override;
  [[nodiscard]] Result<std::unique_ptr<gossip::GossipData>> on_broadcast(PeerName source, ByteView payload) override;
  [[nodiscard]] Result<std::unique_ptr<gossip::GossipData>> on_gossip(PeerName source, ByteView payload) override;

 private:
  class NamesToSend;
  struct Shared;
  /// Names that came before their peer was known.
  struct Stranger {
    TimePoint since;
    NameSet names;
  };

  [[nodiscard]] Moment now() const;
  [[nodiscard]] NameTable::Received merge(NameMessage message, PeerName source);
  void keep_strangers(NameSet const& names);
  void admit_strangers();
  void broadcast(NameSet const& names);
  void publish();
  void tick();
  void check_clock(std::int64_t timestamp, PeerName source);
  void note_joined(PeerName peer);
  void plan_introduction();
  void introduce_ourselves();
  void ask_for_names();
  [[nodiscard]] std::unique_ptr<gossip::GossipData> some(NameSet names, std::int64_t timestamp) const;

  PeerName self_;
  NamePorts ports_;
  gossip::GossipChannel* channel_ = nullptr;
  /// Shared with data that waits to be sent.
  std::shared_ptr<Shared> shared_;
  PublishedNames published_;
  std::map<PeerName, Stranger> strangers_;
  std::vector<PeerName> members_;
  /// Peers seen recently for the first time, and when to ask them for names if they have none by then.
  std::map<PeerName, TimePoint> to_ask_;
  std::map<PeerName, TimePoint> clocks_complained_of_;
  std::map<PeerName, std::int64_t> wrong_clocks_;
  bool introduction_planned_ = false;
  TimePoint last_introduction_;
  TimePoint last_expiry_;
  Timer tick_timer_;
  Timer introduction_timer_;
};

} // namespace weave::controller::dns
