#pragma once

#include <functional>
#include <memory>
#include <set>

#include "gossip/gossiper.hpp"
#include "gossip/peer_table.hpp"

namespace weave::gossip {

inline constexpr char const* kTopologyChannel = "topology";

/// Names of peers whose records are to be sent. Encoded from the table as it is when the link is ready; peers that have
/// gone by then are skipped (protocol/mesh.md §10.5). The table must outlive it.
class TopologyNews final : public GossipData {
 public:
  TopologyNews(PeerTable const& peers, std::set<PeerName> names) : peers_{&peers}, names_{std::move(names)} {}

  [[nodiscard]] std::vector<Bytes> encode() const override;
  void merge(GossipData const& newer) override;
  [[nodiscard]] std::unique_ptr<GossipData> clone() const override { return std::make_unique<TopologyNews>(*this); }

 private:
  PeerTable const* peers_;
  std::set<PeerName> names_;
};

/// The `topology` channel: merges what others say into the peer table and says what of it was new (mesh.md §10).
/// Control thread only.
class TopologyGossiper final : public Gossiper {
 public:
  struct Handlers {
    /// An update was accepted, with or without news: unreachable peers may have to be collected.
    std::function<void()> on_update = {};
    /// It had news: routes and connection targets change.
    std::function<void()> on_news = {};
  };

  TopologyGossiper(PeerTable& peers, Handlers handlers) : peers_{peers}, handlers_{std::move(handlers)} {}

  [[nodiscard]] std::unique_ptr<GossipData> complete_state() override;
  [[nodiscard]] Result<void> on_unicast(PeerName source, ByteView payload) override;
  [[nodiscard]] Result<std::unique_ptr<GossipData>> on_broadcast(PeerName source, ByteView payload) override;
  [[nodiscard]] Result<std::unique_ptr<GossipData>> on_gossip(PeerName source, ByteView payload) override;

 private:
  [[nodiscard]] Result<PeerTable::Merged> merge(ByteView payload);

  PeerTable& peers_;
  Handlers handlers_;
};

} // namespace weave::gossip
