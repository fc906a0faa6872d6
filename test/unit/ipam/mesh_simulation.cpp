#include "test/unit/ipam/mesh_simulation.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace weave::test {

namespace ipam = controller::ipam;

/// One daemon: its disk and log survive it.
class MeshSimulation::Node {
 public:
  PeerName name;
  ipam::AllocatorConfig config;
  std::shared_ptr<MemoryIpamStore> store = std::make_shared<MemoryIpamStore>();
  std::shared_ptr<LogRecorder> log = std::make_shared<LogRecorder>();
  std::unique_ptr<SeededRandom> random;
  std::unique_ptr<View> view;
  std::unique_ptr<Channel> channel;
  std::unique_ptr<ipam::Allocator> allocator;
  int group = 0;
  int life = 0;
  bool buried = false;
  /// Crash in so many saves, before or after the data are on disk.
  int saves_left = -1;
  bool crash_before_save = false;
  std::map<std::string, std::set<Ipv4Address>> containers;

  [[nodiscard]] bool alive() const { return allocator != nullptr; }
};

class MeshSimulation::View final : public ipam::MeshView {
 public:
  View(MeshSimulation& mesh, std::size_t self) : mesh_{mesh}, self_{self} {}
  [[nodiscard]] bool is_known(PeerName peer) const override {
    auto const index = mesh_.index_of(peer);
    return index && (*index == self_ || mesh_.connected(self_, *index));
  }
  [[nodiscard]] std::optional<std::string> nickname(PeerName) const override { return std::nullopt; }
  [[nodiscard]] std::vector<PeerName> reachable_peers() const override { return {}; }
  [[nodiscard]] std::string initial_peers() const override { return "some initial peers"; }

 private:
  MeshSimulation& mesh_;
  std::size_t self_;
};

class MeshSimulation::Channel final : public gossip::GossipChannel {
 public:
  Channel(MeshSimulation& mesh, std::size_t self) : mesh_{mesh}, self_{self} {}

  [[nodiscard]] Result<void> unicast(PeerName destination, Bytes payload) override {
    auto const to = mesh_.index_of(destination);
    if (!to || !mesh_.connected(self_, *to)) {
      return failure(ErrorKind::unavailable, "unknown relay destination: " + destination.to_string());
    }
    if (mesh_.stormy_ && mesh_.random_.below(10) == 0) return {};
    auto const source = mesh_.nodes_[self_]->name;
    mesh_.deliver(self_, *to, [source, payload = std::move(payload)](ipam::Allocator& allocator) {
      return allocator.on_unicast(source, payload);
    });
    return {};
  }

  void broadcast(gossip::GossipData const& data) override {
    auto const source = mesh_.nodes_[self_]->name;
    for (std::size_t to = 0; to < mesh_.nodes_.size(); ++to) {
      if (to == self_ || !mesh_.connected(self_, to)) continue;
      // A slow link encodes later, with what is then the latest.
      std::shared_ptr<gossip::GossipData> const copy = data.clone();
      mesh_.timers_.push_back(mesh_.clock_.after(mesh_.random_delay(30), [this, copy, source, to] {
        for (auto const& payload : copy->encode()) {
          mesh_.deliver(self_, to, [source, payload](ipam::Allocator& allocator) -> Result<void> {
            auto const relayed = allocator.on_broadcast(source, payload);
            if (!relayed) return failure_of(relayed);
            return {};
          });
        }
      }));
    }
  }
  void gossip_neighbours(gossip::GossipData const&) override {}

 private:
  MeshSimulation& mesh_;
  std::size_t self_;
};

MeshSimulation::MeshSimulation(std::uint64_t seed) : random_{seed} {
  auto const count = 2 + random_.below(4);
  universe_ = {Ipv4Address{0x0a200000}, static_cast<int>(25 + random_.below(4))};
  for (std::uint64_t i = 0; i < count; ++i) {
    auto node = std::make_unique<Node>();
    node->name = PeerName{0x100 + i};
    auto const index = static_cast<std::size_t>(i);
    node->view = std::make_unique<View>(*this, index);
    node->channel = std::make_unique<Channel>(*this, index);
    node->config.self = node->name;
    node->config.nickname = fmt::format("host{}", i);
    node->config.universe = node->config.default_subnet = universe_;
    node->config.quorum = [count] { return static_cast<std::uint32_t>(count / 2 + 1); };
    // One observer at most: the electors must be able to reach their quorum.
    if (i == count - 1 && count > 3 && random_.below(3) == 0) {
      node->config.formation.mode = ipam::Formation::Mode::observer;
    }
    nodes_.push_back(std::move(node));
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) boot(i);
}

MeshSimulation::~MeshSimulation() = default;

void MeshSimulation::fault(std::string text) { faults_.push_back(std::move(text)); }

Duration MeshSimulation::random_delay(int max_milliseconds) {
  return std::chrono::microseconds{random_.below(static_cast<std::uint64_t>(max_milliseconds) * 1000)};
}

std::optional<std::size_t> MeshSimulation::index_of(PeerName name) const {
  auto const found = std::ranges::find(nodes_, name, [](auto const& node) { return node->name; });
  if (found == nodes_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - nodes_.begin());
}

bool MeshSimulation::connected(std::size_t a, std::size_t b) const {
  return nodes_[a]->alive() && nodes_[b]->alive() && nodes_[a]->group == nodes_[b]->group;
}

std::size_t MeshSimulation::random_live_node() {
  while (true) {
    auto const index = static_cast<std::size_t>(random_.below(nodes_.size()));
    if (nodes_[index]->alive()) return index;
    if (std::ranges::none_of(nodes_, [](auto const& node) { return node->alive(); })) {
      auto const first = std::ranges::find(nodes_, false, [](auto const& node) { return node->buried; });
      boot(static_cast<std::size_t>(first - nodes_.begin()));
    }
  }
}

void MeshSimulation::boot(std::size_t index) {
  auto& node = *nodes_[index];
  ++node.life;
  node.saves_left = -1;
  node.store->failing = false;
  node.random = std::make_unique<SeededRandom>(random_.u64());
  node.config.uid = PeerUid{random_.u64()};
  node.store->on_save = [this, &node, index] {
    if (node.saves_left < 0 || node.saves_left-- > 0) return;
    throw Crash{index};
  };
  node.allocator = std::make_unique<ipam::Allocator>(
      node.config, ipam::AllocatorPorts{clock_, *node.random, *node.view, *node.store, Logger{node.log}});
  node.allocator->attach(*node.channel);
  if (auto const restored = node.allocator->restore(); !restored) fault(restored.error().text());
  std::vector<ipam::ReclaimedAddress> in_use;
  for (auto const& [container, addresses] : node.containers) {
    for (auto const address : addresses) in_use.push_back({container, {address, universe_.prefix}, true});
  }
  node.allocator->reclaim(in_use);
  node.allocator->start();
  for (std::size_t other = 0; other < nodes_.size(); ++other) {
    if (other == index) continue;
    send_complete_state(index, other);
    send_complete_state(other, index);
  }
}

void MeshSimulation::kill(std::size_t index) {
  auto& node = *nodes_[index];
  if (!node.alive()) return;
  ++crashes_;
  node.allocator.reset();
  std::erase_if(waiting_, [&](auto const& entry) { return entry.second.node == index; });
}

void MeshSimulation::deliver(std::size_t from, std::size_t to, std::function<Result<void>(ipam::Allocator&)> handle) {
  auto const life = nodes_[to]->life;
  timers_.push_back(clock_.after(random_delay(80), [this, from, to, life, handle = std::move(handle)] {
    if (!connected(from, to) || nodes_[to]->life != life) return;
    auto const handled = handle(*nodes_[to]->allocator);
    if (!handled) fault(fmt::format("{} refused a message: {}", to, handled.error().text()));
  }));
}

void MeshSimulation::send_complete_state(std::size_t from, std::size_t to) {
  if (!connected(from, to)) return;
  auto const state = nodes_[from]->allocator->complete_state();
  if (!state) return;
  auto const source = nodes_[from]->name;
  for (auto const& payload : state->encode()) {
    deliver(from, to, [source, payload](ipam::Allocator& allocator) -> Result<void> {
      auto const relayed = allocator.on_gossip(source, payload);
      if (!relayed) return failure_of(relayed);
      return {};
    });
  }
}

void MeshSimulation::gossip_round() {
  for (std::size_t from = 0; from < nodes_.size(); ++from) {
    for (std::size_t to = 0; to < nodes_.size(); ++to) {
      if (from != to && random_.below(2) == 0) send_complete_state(from, to);
    }
  }
}

void MeshSimulation::split() {
  for (auto& node : nodes_) node->group = static_cast<int>(random_.below(2));
}

void MeshSimulation::heal() {
  for (auto& node : nodes_) node->group = 0;
  for (std::size_t from = 0; from < nodes_.size(); ++from) {
    for (std::size_t to = 0; to < nodes_.size(); ++to) {
      if (from != to) send_complete_state(from, to);
    }
  }
}

void MeshSimulation::advance(Duration by) {
  auto const until = clock_.now() + by;
  while (clock_.now() < until) {
    try {
      clock_.advance(until - clock_.now());
    } catch (Crash const& crash) {
      kill(crash.node);
    }
  }
  for (auto const& [number, waiting] : waiting_) {
    if (waiting.due < clock_.now()) fault("not answered in time: " + waiting.what);
  }
  std::erase_if(waiting_, [&](auto const& entry) { return entry.second.due < clock_.now(); });
}

void MeshSimulation::on_granted(std::size_t index, std::string const& container, Ipv4Address address) {
  auto& node = *nodes_[index];
  ++granted_;
  auto const [holder, fresh] = held_.try_emplace(address, Holder{index, container});
  if (!fresh && (holder->second.node != index || holder->second.container != container)) {
    fault(fmt::format("{} given to {} of {} is held by {} of {}", address.to_string(), container, index,
                      holder->second.container, holder->second.node));
  }
  node.containers[container].insert(address);
}

void MeshSimulation::random_operation(std::size_t index) {
  auto& node = *nodes_[index];
  auto const number = next_operation_++;
  auto const deadline = std::chrono::seconds{1 + random_.below(20)};
  auto const claimed = universe_.address + static_cast<std::uint32_t>(random_.below(universe_.size()));
  bool const claim = random_.below(3) == 0;
  auto const container = fmt::format("c{}", number);
  waiting_[number] = {index, node.life, clock_.now() + deadline + std::chrono::milliseconds{100},
                      fmt::format("{} {} at {}", claim ? "claim" : "allocate", container, index)};
  auto const answered = [this, number, index, container](bool good, Ipv4Address address) {
    waiting_.erase(number);
    if (good) {
      on_granted(index, container, address);
    } else {
      ++refused_;
    }
  };
  ipam::Operation operation;
  if (claim) {
    operation = node.allocator->claim(
        {container, {claimed, universe_.prefix}, true, false, random_.below(2) == 0, deadline},
        [answered, claimed](Result<void> const& result) { answered(result.has_value(), claimed); });
  } else {
    operation =
        node.allocator->allocate({container, universe_, true, deadline}, [answered](Result<Ipv4Cidr> const& result) {
          answered(result.has_value(), result ? result->address : Ipv4Address{});
        });
  }
  if (random_.below(10) == 0) operation.cancel();
}

void MeshSimulation::random_release(std::size_t index) {
  auto& node = *nodes_[index];
  if (node.containers.empty()) return;
  auto const at =
      std::next(node.containers.begin(), static_cast<std::ptrdiff_t>(random_.below(node.containers.size())));
  auto const [container, addresses] = *at;
  // The container is gone whatever becomes of the daemon that is told.
  node.containers.erase(at);
  for (auto const address : addresses) held_.erase(address);
  switch (random_.below(3)) {
    case 0: static_cast<void>(node.allocator->release_all(container)); break;
    case 1: node.allocator->on_container_destroyed(container); break;
    default: node.allocator->on_container_died(container); break;
  }
}

void MeshSimulation::random_event() {
  auto const index = random_live_node();
  auto& node = *nodes_[index];
  switch (random_.below(16)) {
    case 0:
      if (stormy_) split();
      break;
    case 1: heal(); break;
    case 2:
      if (stormy_) kill(index);
      break;
    case 3:
      if (stormy_) node.saves_left = static_cast<int>(random_.below(4));
      break;
    case 4: clock_.jump_wall(std::chrono::seconds{random_.below(7200)} - std::chrono::hours{1}); break;
    case 5: node.store->failing = stormy_ && random_.below(3) == 0; break;
    case 6: gossip_round(); break;
    case 7:
    case 8:
    case 9: random_release(index); break;
    case 10: {
      auto const dead = std::ranges::find_if(nodes_, [](auto const& each) { return !each->alive() && !each->buried; });
      if (dead != nodes_.end()) boot(static_cast<std::size_t>(dead - nodes_.begin()));
      break;
    }
    default: random_operation(index); break;
  }
}

void MeshSimulation::run(Duration time) {
  auto const until = clock_.now() + time;
  while (clock_.now() < until) {
    try {
      random_event();
    } catch (Crash const& crash) {
      kill(crash.node);
    }
    check_invariants();
    advance(random_delay(random_.below(4) == 0 ? 6000 : 300));
  }
  timers_.clear();
}

void MeshSimulation::calm_down() {
  stormy_ = false;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i]->saves_left = -1;
    nodes_[i]->store->failing = false;
    if (!nodes_[i]->alive() && !nodes_[i]->buried) boot(i);
  }
  heal();
  for (int round = 0; round < 6; ++round) {
    advance(std::chrono::seconds{10});
    heal();
  }
  advance(std::chrono::seconds{5});
  check_invariants();
  if (!waiting_.empty()) fault("operations still open after everything had calmed down");
}

void MeshSimulation::bury_one() {
  calm_down();
  auto const dead = random_live_node();
  auto const name = nodes_[dead]->name;
  kill(dead);
  remove_for_good(dead);
  auto const heir = random_live_node();
  if (auto const taken = nodes_[heir]->allocator->take_over(name.to_string()); !taken) fault(taken.error().text());
  stormy_ = true;
}

void MeshSimulation::retire_one() {
  calm_down();
  auto const index = random_live_node();
  auto const name = nodes_[index]->name;
  nodes_[index]->allocator->shut_down();
  advance(std::chrono::milliseconds{500});
  kill(index);
  remove_for_good(index);
  calm_down();
  for (auto const& node : nodes_) {
    if (node->alive() && !node->allocator->book().ring().owned_ranges(name).empty()) {
      fault("a peer that handed over still owns addresses");
    }
  }
  stormy_ = true;
}

void MeshSimulation::remove_for_good(std::size_t index) {
  nodes_[index]->buried = true;
  nodes_[index]->containers.clear();
  std::erase_if(held_, [&](auto const& entry) { return entry.second.node == index; });
}

void MeshSimulation::check_invariants() {
  std::map<Ipv4Address, std::size_t> owners;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    auto const& node = *nodes_[i];
    if (!node.alive()) continue;
    for (auto const& range : node.allocator->book().ring().owned_ranges(node.name)) {
      for (auto address = range.start; address < range.end; address = address + 1) {
        auto const [other, fresh] = owners.emplace(address, i);
        if (!fresh) fault(fmt::format("{} belongs to both {} and {}", address.to_string(), other->second, i));
      }
    }
    if (auto const conflict = node.allocator->status().conflict; !conflict.empty()) fault(conflict);
  }
}

void MeshSimulation::expect_same_rings() {
  std::optional<std::vector<ipam::RingPiece>> first;
  for (auto const& node : nodes_) {
    if (!node->alive()) continue;
    auto pieces = node->allocator->book().ring().pieces();
    for (auto& piece : pieces) piece.version = 0;
    if (!first) {
      first = std::move(pieces);
    } else if (*first != pieces) {
      fault("rings differ after everything had calmed down");
    }
  }
}

} // namespace weave::test
