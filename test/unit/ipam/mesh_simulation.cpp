#include "test/unit/ipam/mesh_simulation.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "test/unit/ipam/original_peer.hpp"
#include "test/unit/ipam/simulated_node.hpp"

namespace weave::test {

namespace ipam = controller::ipam;

SimulationCounts& SimulationCounts::operator+=(SimulationCounts const& other) {
  granted += other.granted;
  refused += other.refused;
  crashes += other.crashes;
  duplicates += other.duplicates;
  links_dropped += other.links_dropped;
  drained += other.drained;
  original_ties += other.original_ties;
  return *this;
}

Result<void> MeshSimulation::Channel::unicast(PeerName destination, Bytes payload) {
  auto const to = mesh_.index_of(destination);
  if (!to || !mesh_.connected(self_, *to)) {
    return failure(ErrorKind::unavailable, "unknown relay destination: " + destination.to_string());
  }
  auto const source = mesh_.nodes_[self_]->name;
  mesh_.deliver(self_, *to, [source, payload = std::move(payload)](SimulatedPeer& peer) {
    return peer.on_unicast(source, payload);
  });
  return {};
}

void MeshSimulation::Channel::broadcast(gossip::GossipData const& data) {
  auto const source = mesh_.nodes_[self_]->name;
  for (std::size_t to = 0; to < mesh_.nodes_.size(); ++to) {
    if (to == self_ || !mesh_.connected(self_, to)) continue;
    // A slow link encodes later, with what is then the latest.
    std::shared_ptr<gossip::GossipData> const copy = data.clone();
    auto const number = mesh_.next_message_++;
    mesh_.in_flight_[number] = mesh_.clock_.after(mesh_.random_delay(30), [this, copy, source, to, number] {
      auto const done = mesh_.in_flight_.extract(number);
      for (auto const& payload : copy->encode()) {
        mesh_.deliver(self_, to, [source, payload](SimulatedPeer& peer) { return peer.on_broadcast(source, payload); });
      }
    });
  }
}

MeshSimulation::MeshSimulation(std::uint64_t seed, SimulationOptions options) : random_{seed}, options_{options} {
  auto const count = 2 + random_.below(4);
  universe_ = {Ipv4Address{0x0a200000}, static_cast<int>(26 + random_.below(3))};
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
    node->original = options_.originals && (i == 0 || one_in(3));
    // One observer at most: the electors must be able to reach their quorum.
    if (!node->original && i == count - 1 && count > 3 && one_in(3)) {
      node->config.formation.mode = ipam::Formation::Mode::observer;
    }
    nodes_.push_back(std::move(node));
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) boot(i);
}

MeshSimulation::~MeshSimulation() = default;

void MeshSimulation::fault(std::string text) {
  auto const at = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now().time_since_epoch()).count();
  faults_.push_back(fmt::format("{:.3f} s: {}", static_cast<double>(at) / 1000.0, text));
}

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

std::vector<std::size_t> MeshSimulation::live_nodes() const {
  std::vector<std::size_t> live;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i]->alive()) live.push_back(i);
  }
  return live;
}

std::size_t MeshSimulation::random_live_node() {
  while (true) {
    auto const live = live_nodes();
    if (!live.empty()) return live[random_.below(live.size())];
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i]->buried) boot(i);
    }
  }
}

void MeshSimulation::boot(std::size_t index) {
  auto& node = *nodes_[index];
  ++node.life;
  node.store.do_not_crash();
  node.store.set_full(false);
  node.random = std::make_unique<SeededRandom>(random_.u64());
  node.config.uid = PeerUid{random_.u64()};
  std::vector<ipam::ReclaimedAddress> in_use;
  for (auto const& [container, addresses] : node.containers) {
    for (auto const address : addresses) in_use.push_back({container, {address, universe_.prefix}, true});
  }
  PeerSurroundings const around{clock_,     *node.random, *node.view,       *node.channel,
                                node.store, node.config,  std::move(in_use)};
  node.peer = node.original ? start_original_peer(around) : start_weave_peer(around);
  for (std::size_t other = 0; other < nodes_.size(); ++other) {
    if (other == index) continue;
    send_complete_state(index, other);
    send_complete_state(other, index);
  }
}

void MeshSimulation::kill(std::size_t index) {
  auto& node = *nodes_[index];
  if (!node.alive()) return;
  ++counts_.crashes;
  node.peer.reset();
  std::erase_if(waiting_, [&](auto const& entry) { return entry.second.node == index; });
}

void MeshSimulation::guarded(std::function<void()> const& step) {
  try {
    step();
  } catch (FaultStore::Crash const& crash) {
    auto const dead = std::ranges::find(nodes_, crash.store, [](auto const& node) { return &node->store; });
    kill(static_cast<std::size_t>(dead - nodes_.begin()));
  }
}

void MeshSimulation::deliver(std::size_t from, std::size_t to, std::function<Result<void>(SimulatedPeer&)> handle) {
  if (stormy_ && one_in(10)) return;
  int const copies = stormy_ && one_in(12) ? 2 : 1;
  auto const life = nodes_[to]->life;
  for (int copy = 0; copy < copies; ++copy) {
    auto const number = next_message_++;
    in_flight_[number] = clock_.after(random_delay(80), [this, from, to, life, number, handle] {
      auto const done = in_flight_.extract(number);
      auto const& node = *nodes_[to];
      if (!connected(from, to) || node.life != life) return;
      auto const handled = handle(*node.peer);
      if (handled) return;
      // Only an original drops a link, and only over what cannot be decided.
      ++counts_.links_dropped;
      if (!node.original || undecided_.empty()) fault(fmt::format("{} drops a link: {}", to, handled.error().text()));
    });
  }
}

void MeshSimulation::send_complete_state(std::size_t from, std::size_t to) {
  if (!connected(from, to)) return;
  auto const source = nodes_[from]->name;
  for (auto const& payload : nodes_[from]->peer->complete_state()) {
    deliver(from, to, [source, payload](SimulatedPeer& peer) { return peer.on_gossip(source, payload); });
  }
}

void MeshSimulation::gossip_round() {
  for (std::size_t from = 0; from < nodes_.size(); ++from) {
    for (std::size_t to = 0; to < nodes_.size(); ++to) {
      if (from != to && one_in(2)) send_complete_state(from, to);
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
    guarded([&] { clock_.advance(until - clock_.now()); });
  }
  for (auto const& [number, waiting] : waiting_) {
    if (waiting.due < clock_.now()) fault("not answered in time: " + waiting.what);
  }
  std::erase_if(waiting_, [&](auto const& entry) { return entry.second.due < clock_.now(); });
}

void MeshSimulation::random_operation(std::size_t index) {
  auto const claimed = universe_.address + static_cast<std::uint32_t>(random_.below(universe_.size()));
  bool const claims = one_in(3);
  auto const deadline = std::chrono::seconds{1 + random_.below(20)};
  operate(index, claims ? std::optional{claimed} : std::nullopt, deadline, one_in(10));
}

void MeshSimulation::operate(std::size_t index, std::optional<Ipv4Address> claimed, Duration deadline, bool cancel) {
  auto const number = next_operation_++;
  auto const container = fmt::format("c{}", number);
  waiting_[number] = {index, clock_.now() + deadline + std::chrono::milliseconds{100},
                      fmt::format("{} {} at {}", claimed ? "claim" : "allocate", container, index)};
  auto const answer = [this, number, index, container](Result<Ipv4Address> const& result) {
    waiting_.erase(number);
    on_answer(index, container, result);
  };
  auto& peer = *nodes_[index]->peer;
  auto operation =
      claimed ? peer.claim(container, *claimed, deadline, answer) : peer.allocate(container, deadline, answer);
  if (cancel) operation.cancel();
}

void MeshSimulation::on_answer(std::size_t index, std::string const& container, Result<Ipv4Address> const& result) {
  auto const outcome = result ? result->value() : static_cast<std::uint32_t>(result.error().kind());
  digest_ = (digest_ ^ outcome ^ static_cast<std::uint64_t>(clock_.now().time_since_epoch().count())) * 0x100000001b3U;
  if (result) return on_granted(index, container, *result);
  ++counts_.refused;
  if (nodes_[index]->alive() && nodes_[index]->peer->keeps_deadlines()) {
    check_reason(index, container, result.error());
  }
}

void MeshSimulation::check_reason(std::size_t index, std::string const& container, Error const& error) {
  auto const says = [&](std::initializer_list<std::string_view> parts) {
    return std::ranges::any_of(parts, [&](auto part) { return error.text().find(part) != std::string::npos; });
  };
  bool named = false;
  switch (error.kind()) {
    case ErrorKind::cancelled: named = says({container}); break;
    case ErrorKind::timed_out:
      named = says({"some initial peers", "no answer yet from 0", "none left at 0", "unreachable: 0",
                    "no time to ask 0", "no other peer owns any of it", "is owned by other peer 0"});
      break;
    case ErrorKind::system: named = says({"cannot save addresses: disk full"}); break;
    case ErrorKind::refused: named = says({"is owned by other peer 0"}); break;
    case ErrorKind::already_exists: named = says({"is already owned by c"}); break;
    case ErrorKind::malformed:
    case ErrorKind::out_of_range:
    case ErrorKind::not_found:
    case ErrorKind::unavailable: break;
  }
  if (!named) fault(fmt::format("{} at {} is not told why: {}", container, index, error.text()));
}

void MeshSimulation::on_granted(std::size_t index, std::string const& container, Ipv4Address address) {
  ++counts_.granted;
  auto& holders = held_[address];
  holders.insert({index, container});
  nodes_[index]->containers[container].insert(address);
  for (auto const& other : holders) {
    if (other.node == index && other.container == container) continue;
    ++counts_.duplicates;
    if (other.node != index && is_undecided(address)) continue;
    fault(fmt::format("{} given to {} of {} is held by {} of {}", address.to_string(), container, index,
                      other.container, other.node));
  }
}

void MeshSimulation::leave(std::size_t index, std::string const& container, Farewell how) {
  auto& node = *nodes_[index];
  // The container is gone whatever becomes of the daemon that is told.
  for (auto const address : node.containers[container]) {
    held_[address].erase({index, container});
    if (held_[address].empty()) held_.erase(address);
  }
  node.containers.erase(container);
  if (node.alive()) guarded([&] { node.peer->release(container, how); });
}

void MeshSimulation::random_release(std::size_t index) {
  auto const& containers = nodes_[index]->containers;
  if (containers.empty()) return;
  auto const at = std::next(containers.begin(), static_cast<std::ptrdiff_t>(random_.below(containers.size())));
  leave(index, std::string{at->first}, static_cast<Farewell>(random_.below(3)));
}

void MeshSimulation::random_event() {
  auto const index = random_live_node();
  auto& node = *nodes_[index];
  switch (random_.below(16)) {
    case 0: return stormy_ ? split() : void();
    case 1: return heal();
    case 2: return stormy_ ? kill(index) : void();
    case 3: {
      auto const moment = one_in(2) ? FaultStore::Moment::before_write : FaultStore::Moment::after_write;
      if (stormy_) node.store.crash_after(static_cast<int>(random_.below(4)), moment);
      return;
    }
    case 4: {
      auto const jump = std::chrono::seconds{random_.below(7200)} - std::chrono::hours{1};
      return options_.wall_clock_jumps ? clock_.jump_wall(jump) : void();
    }
    case 5: return node.store.set_full(stormy_ && one_in(3));
    case 6: return gossip_round();
    case 7:
    case 8:
    case 9: return random_release(index);
    case 10: {
      auto const dead = std::ranges::find_if(nodes_, [](auto const& each) { return !each->alive() && !each->buried; });
      return dead != nodes_.end() ? boot(static_cast<std::size_t>(dead - nodes_.begin())) : void();
    }
    default: return random_operation(index);
  }
}

void MeshSimulation::run(Duration time) {
  stormy_ = true;
  auto const until = clock_.now() + time;
  while (clock_.now() < until) {
    guarded([&] { random_event(); });
    check_invariants();
    advance(random_delay(one_in(4) ? 6000 : 300));
  }
}

void MeshSimulation::calm_down() {
  stormy_ = false;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i]->store.do_not_crash();
    nodes_[i]->store.set_full(false);
    if (!nodes_[i]->alive() && !nodes_[i]->buried) boot(i);
  }
  for (int round = 0; round < 4; ++round) {
    heal();
    advance(std::chrono::seconds{10});
  }
  advance(std::chrono::seconds{5});
  check_invariants();
  if (!waiting_.empty()) fault("operations still open after everything had calmed down");
}

void MeshSimulation::check_invariants() {
  std::vector<int> owners(universe_.size(), -1);
  for (auto const i : live_nodes()) {
    auto const& node = *nodes_[i];
    for (auto const& part : owned_by(node.name, node.peer->ring())) {
      for (auto address = part.start; address < part.end; address = address + 1) {
        auto& owner = owners[address - universe_.address];
        if (owner >= 0 && !is_undecided(address)) {
          fault(fmt::format("{} belongs to both {} and {}", address.to_string(), owner, i));
        }
        owner = static_cast<int>(i);
      }
    }
    if (!undecided_.empty()) continue;
    // Putting the status together is most of the work, and a conflict stays in it for a while.
    bool const due = ++checks_ % 16 == 0 || !stormy_;
    auto const conflict = due || !node.peer->displaced().empty() ? node.peer->conflict() : "";
    if (!conflict.empty()) fault(fmt::format("{}: {}", i, conflict));
  }
}

std::vector<Ipv4Range> MeshSimulation::owned_by(PeerName peer, ipam::RingState const& ring) {
  std::vector<Ipv4Range> owned;
  for (std::size_t t = 0; t < ring.tokens.size(); ++t) {
    if (ring.tokens[t].peer != peer) continue;
    auto const next = ring.tokens[(t + 1) % ring.tokens.size()].token;
    for (auto const& part : ipam::split_at_origin(ring.universe, ring.tokens[t].token, next)) owned.push_back(part);
  }
  return owned;
}

} // namespace weave::test
