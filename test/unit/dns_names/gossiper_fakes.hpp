#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "controller/dns/name_gossiper.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::test {

struct FakeMembers final : controller::dns::MeshMembers {
  std::set<PeerName> peers;

  [[nodiscard]] bool is_known(PeerName peer) const override { return peers.contains(peer); }
  [[nodiscard]] std::vector<PeerName> members() const override { return {peers.begin(), peers.end()}; }
};

/// Remembers what was sent, decoded.
struct FakeNameChannel final : gossip::GossipChannel {
  std::vector<controller::dns::NameMessage> broadcasts;
  std::vector<controller::dns::NameMessage> gossips;
  std::vector<std::pair<PeerName, Bytes>> unicasts;

  [[nodiscard]] Result<void> unicast(PeerName destination, Bytes payload) override {
    unicasts.emplace_back(destination, std::move(payload));
    return {};
  }
  void broadcast(gossip::GossipData const& data) override { add(broadcasts, data); }
  void gossip_neighbours(gossip::GossipData const& data) override { add(gossips, data); }

  static controller::dns::NameMessage decode(gossip::GossipData const& data) {
    auto const payloads = data.encode();
    return controller::dns::decode_names(payloads.at(0)).value();
  }

 private:
  static void add(std::vector<controller::dns::NameMessage>& list, gossip::GossipData const& data) {
    list.push_back(decode(data));
  }
};

/// One gossiper with everything around it faked. Time starts at Unix second 1600000000.
struct GossiperRig {
  explicit GossiperRig(PeerName self, std::set<PeerName> others = {}) {
    scheduler.jump_wall(std::chrono::seconds{-100'000'000});
    members.peers = std::move(others);
    members.peers.insert(self);
    gossiper = std::make_unique<controller::dns::NameGossiper>(
        self,
        controller::dns::NamePorts{.scheduler = scheduler, .random = random, .mesh = members, .log = Logger{log}});
    gossiper->attach(channel);
  }

  [[nodiscard]] std::int64_t unix_time() const {
    return std::chrono::floor<std::chrono::seconds>(scheduler.wall_now()).time_since_epoch().count();
  }
  void set_unix_time(std::int64_t to) { scheduler.jump_wall(std::chrono::seconds{to - unix_time()}); }
  [[nodiscard]] std::vector<Ipv4Address> addresses(std::string_view name) const {
    auto const snapshot = gossiper->names().snapshot();
    auto const found = snapshot->find(name);
    return {found.begin(), found.end()};
  }

  VirtualScheduler scheduler;
  SeededRandom random{1};
  FakeMembers members;
  FakeNameChannel channel;
  std::shared_ptr<LogRecorder> log = std::make_shared<LogRecorder>();
  std::unique_ptr<controller::dns::NameGossiper> gossiper;
};

} // namespace weave::test
