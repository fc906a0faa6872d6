#include "test/unit/ipam/original_peer.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "controller/ipam/address_space.hpp"
#include "controller/ipam/paxos.hpp"
#include "controller/ipam/persisted_state.hpp"
#include "controller/ipam/ranges.hpp"

namespace weave::test {
namespace {

namespace ipam = controller::ipam;

class FixedState final : public gossip::GossipData {
 public:
  explicit FixedState(Bytes payload) : payload_{std::move(payload)} {}
  std::vector<Bytes> encode() const override { return {payload_}; }
  void merge(gossip::GossipData const&) override {}
  std::unique_ptr<gossip::GossipData> clone() const override { return std::make_unique<FixedState>(payload_); }

 private:
  Bytes payload_;
};

class OriginalPeer final : public SimulatedPeer {
 public:
  explicit OriginalPeer(PeerSurroundings const& around)
      : around_{around}, self_{around.config.self}, ring_{around.config.universe.range(), self_} {
    paxos_.emplace(ipam::NodeId{self_, static_cast<std::uint64_t>(around.config.uid)});
    load();
    std::erase_if(owned_, [&](auto const& row) {
      return std::ranges::none_of(around_.in_use, [&](auto const& found) { return found.id == row.first; });
    });
    follow();
    for (auto const& found : around.in_use) {
      if (holder(found.cidr.address) != nullptr) continue;
      pending_.push_back({next_++, found.id, found.cidr.address, 0, nullptr});
    }
    save();
    schedule_tick();
  }

  Result<void> on_unicast(PeerName source, ByteView payload) override {
    auto message = ipam::decode_unicast(payload);
    if (!message) return failure_of(message);
    if (auto const* const update = std::get_if<ipam::RingUpdate>(&*message)) return receive(update->state, source);
    if (auto const* const request = std::get_if<ipam::SpaceRequest>(&*message)) donate(source, request->range);
    if (auto const* const denied = std::get_if<ipam::SpaceDenied>(&*message)) on_denied(denied->range);
    return {};
  }
  Result<void> on_broadcast(PeerName source, ByteView payload) override {
    auto const state = ipam::decode_gossip_state(payload);
    if (!state) return failure_of(state);
    return receive(*state, source);
  }
  Result<void> on_gossip(PeerName, ByteView payload) override {
    auto const state = ipam::decode_gossip_state(payload);
    if (!state) return failure_of(state);
    return receive(*state, kUnknownPeer);
  }
  std::vector<Bytes> complete_state() override { return {encode()}; }

  ipam::Operation allocate(std::string const& container, Duration deadline, Answer answer) override {
    return submit(container, std::nullopt, deadline, std::move(answer));
  }
  ipam::Operation claim(std::string const& container, Ipv4Address address, Duration deadline, Answer answer) override {
    return submit(container, address, deadline, std::move(answer));
  }
  void release(std::string const& container, Farewell) override {
    for (auto const address : std::exchange(owned_[container], {})) space_.release(address);
    owned_.erase(container);
    std::erase_if(pending_, [&](Pending const& one) { return one.container == container; });
    retry();
    save();
  }
  Result<std::uint32_t> take_over(PeerName peer) override {
    if (around_.mesh.is_known(peer)) return failure(ErrorKind::refused, "still in the mesh");
    auto const before = space_.free().count();
    if (ring_.transfer(peer, self_).empty()) return 0U;
    follow();
    auto const gained = space_.free().count() - before;
    save();
    retry();
    broadcast();
    return gained;
  }
  void shut_down() override {
    shut_down_ = true;
    auto const owners = ring_.owners();
    auto const heir =
        std::ranges::find_if(owners, [&](PeerName peer) { return peer != self_ && around_.mesh.is_known(peer); });
    if (heir == owners.end()) return;
    ring_.transfer(self_, *heir);
    space_.clear();
    save();
    broadcast();
  }

  ipam::RingState const& ring() const override { return ring_.state(); }
  std::uint32_t free_addresses() const override { return space_.free().count(); }
  std::string conflict() const override { return {}; }
  std::set<Ipv4Address> displaced() const override {
    std::set<Ipv4Address> found;
    for (auto const& [container, addresses] : owned_) {
      for (auto const address : addresses) {
        if (!space_.allocated().contains(address)) found.insert(address);
      }
    }
    return found;
  }
  bool keeps_deadlines() const override { return false; }

 private:
  struct Pending {
    int number;
    std::string container;
    std::optional<Ipv4Address> claimed;
    int attempts;
    Answer answer;
  };

  void load() {
    auto const stored = around_.store.load();
    if (stored->state.empty()) return;
    auto persisted = ipam::decode_persisted(stored->state).value();
    if (persisted.self != self_ || !persisted.state.ring || persisted.universe != ring_.universe()) return;
    ring_ = ipam::Ring::restore(*std::move(persisted.state.ring)).value();
    for (auto const& [container, text] : stored->owned) {
      std::istringstream in{text};
      for (std::uint32_t value = 0; in >> value;) owned_[container].insert(Ipv4Address{value});
      saved_containers_.push_back(container);
    }
  }
  /// Everything, in one write: what the original does in three is no subject here.
  void save() {
    ring_.report_free([this](Ipv4Range range) { return space_.free().count_in(range); });
    ipam::IpamChange change;
    ipam::GossipState state;
    if (!ring_.empty()) state.ring = ring_.state();
    change.state = ipam::encode_persisted({self_, ring_.universe(), 0, state});
    for (auto const& container : saved_containers_) change.owned.emplace_back(container, std::nullopt);
    saved_containers_.clear();
    for (auto const& [container, addresses] : owned_) {
      std::string text;
      for (auto const address : addresses) text += std::to_string(address.value()) + ' ';
      change.owned.emplace_back(container, text);
      saved_containers_.push_back(container);
    }
    // A full disk is fatal to the original.
    if (!around_.store.save(change)) throw FaultStore::Crash{&around_.store};
  }
  void follow() {
    std::vector<Ipv4Address> in_use;
    for (auto const& [container, addresses] : owned_) in_use.insert(in_use.end(), addresses.begin(), addresses.end());
    space_.follow(ring_.owned_ranges(self_), in_use);
  }
  [[nodiscard]] std::string const* holder(Ipv4Address address) const {
    auto const found = std::ranges::find_if(owned_, [&](auto const& row) { return row.second.contains(address); });
    return found == owned_.end() ? nullptr : &found->first;
  }

  [[nodiscard]] ipam::GossipState state() const {
    ipam::GossipState state;
    state.nicknames[self_] = around_.config.nickname;
    if (!ring_.empty()) {
      state.ring = ring_.state();
    } else {
      state.paxos = paxos_->state();
    }
    return state;
  }
  [[nodiscard]] Bytes encode() const { return ipam::encode_gossip_state(state()); }
  void broadcast() { around_.channel.broadcast(FixedState{encode()}); }
  [[nodiscard]] bool unicast(PeerName to, Bytes payload) {
    return around_.channel.unicast(to, std::move(payload)).has_value();
  }

  Result<void> receive(ipam::GossipState const& state, PeerName source) {
    if (state.ring) {
      auto mine = ring_.state();
      auto const updated = merge_as_original(mine, *state.ring, space_.allocated());
      if (!updated) return failure_of(updated);
      ring_ = ipam::Ring::restore(std::move(mine)).value();
      if (!*updated) return {};
      waiting_ = false;
      follow();
      save();
      retry();
    } else if (!ring_.empty()) {
      if (!source.is_unknown()) (void)unicast(source, ipam::encode_unicast(ipam::RingUpdate{this->state()}));
    } else if (state.paxos) {
      if (paxos_->update(*state.paxos) && paxos_->think()) broadcast();
      conclude_election();
    } else if (!source.is_unknown()) {
      establish();
    }
    return {};
  }
  void donate(PeerName source, Ipv4Range wanted) {
    if (ring_.empty()) return;
    if (auto const given = space_.donate(wanted)) {
      (void)ring_.grant(*given, source);
      follow();
      save();
      broadcast();
    } else {
      (void)unicast(source, ipam::encode_unicast(ipam::SpaceDenied{wanted}));
    }
    (void)unicast(source, ipam::encode_unicast(ipam::RingUpdate{state()}));
  }
  void on_denied(Ipv4Range range) {
    for (auto& one : std::exchange(pending_, {})) {
      bool const fails = one.claimed && range.contains(*one.claimed);
      if (fails) {
        answer(one, failure(ErrorKind::refused, "owned by other peer"));
      } else {
        pending_.push_back(std::move(one));
      }
    }
  }

  void establish() {
    if (!ring_.empty() || waiting_) return;
    waiting_ = true;
    paxos_->set_quorum(around_.config.quorum());
    propose();
  }
  void propose() {
    paxos_->propose();
    broadcast();
    conclude_election();
  }
  void conclude_election() {
    if (!ring_.empty()) return;
    auto seeds = paxos_->consensus();
    if (!seeds) return;
    ring_.form(*std::move(seeds));
    waiting_ = false;
    follow();
    save();
    broadcast();
    retry();
  }
  void schedule_tick() {
    tick_ = around_.scheduler.after(std::chrono::seconds{5}, [this] {
      schedule_tick();
      if (waiting_) {
        propose();
      } else if (!pending_.empty()) {
        establish();
        retry();
        save();
      }
    });
  }

  ipam::Operation submit(std::string const& container, std::optional<Ipv4Address> claimed, Duration deadline,
                         Answer answer) {
    auto const number = next_++;
    pending_.push_back({number, container, claimed, 0, std::move(answer)});
    // Its callers lose patience by themselves.
    timers_.push_back(around_.scheduler.after(deadline, [this, number] { cancel(number); }));
    retry();
    save();
    return ipam::Operation{[this, number, alive = std::weak_ptr{alive_}] {
      if (alive.lock()) cancel(number);
    }};
  }
  void cancel(int number) {
    auto const found = std::ranges::find(pending_, number, &Pending::number);
    if (found == pending_.end()) return;
    auto const one = std::move(*found);
    pending_.erase(found);
    answer(one, failure(ErrorKind::cancelled, "request cancelled"));
  }
  void answer(Pending const& one, Result<Ipv4Address> result) {
    if (one.answer) around_.scheduler.post([call = one.answer, result] { call(result); });
  }
  /// Claims go before allocations.
  void retry() {
    auto waiting = std::exchange(pending_, {});
    std::ranges::stable_partition(waiting, [](Pending const& one) { return one.claimed.has_value(); });
    for (auto& one : waiting) {
      auto const result = shut_down_ ? failure(ErrorKind::cancelled, "shut down") : attempt(one);
      if (!result) {
        pending_.push_back(std::move(one));
      } else {
        answers_.emplace_back(std::move(one), *result);
      }
    }
    if (answers_.empty()) return;
    save();
    for (auto const& [one, result] : std::exchange(answers_, {})) answer(one, result);
  }
  [[nodiscard]] std::optional<Result<Ipv4Address>> attempt(Pending& one) {
    if (one.claimed) return attempt_claim(one, *one.claimed);
    if (auto const row = owned_.find(one.container); row != owned_.end()) return *row->second.begin();
    establish();
    auto const universe = around_.config.universe;
    if (auto const address = space_.allocate(universe.host_range())) {
      owned_[one.container].insert(*address);
      return *address;
    }
    auto donors = ring_.donors(universe.range());
    std::vector<std::pair<double, PeerName>> drawn;
    for (auto const& donor : donors) {
      drawn.emplace_back(static_cast<double>(donor.weight) * around_.random.unit(), donor.peer);
    }
    std::ranges::sort(drawn, std::greater{});
    for (auto const& [weight, donor] : drawn) {
      if (unicast(donor, ipam::encode_unicast(ipam::SpaceRequest{universe.range()}))) break;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Result<Ipv4Address>> attempt_claim(Pending& one, Ipv4Address address) {
    establish();
    ++one.attempts;
    auto const owner = ring_.owner(address);
    if (owner.is_unknown()) return std::nullopt;
    if (owner != self_) {
      if (unicast(owner, ipam::encode_unicast(ipam::SpaceRequest{ipam::just(address)}))) return std::nullopt;
      if (one.attempts < 6) return std::nullopt;
      return failure(ErrorKind::refused, "owned by other peer, which cannot be reached");
    }
    auto const* const held_by = holder(address);
    if (held_by != nullptr && *held_by == one.container) return address;
    if (!space_.claim(address)) return failure(ErrorKind::already_exists, "already owned");
    owned_[one.container].insert(address);
    return address;
  }

  PeerSurroundings around_;
  PeerName self_;
  ipam::Ring ring_;
  ipam::AddressSpace space_;
  std::map<std::string, std::set<Ipv4Address>> owned_;
  std::vector<std::string> saved_containers_;
  std::optional<ipam::PaxosNode> paxos_;
  std::vector<Pending> pending_;
  std::vector<std::pair<Pending, Result<Ipv4Address>>> answers_;
  std::vector<Timer> timers_;
  Timer tick_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
  int next_ = 0;
  bool waiting_ = false;
  bool shut_down_ = false;
};

} // namespace

std::unique_ptr<SimulatedPeer> start_original_peer(PeerSurroundings const& surroundings) {
  return std::make_unique<OriginalPeer>(surroundings);
}

} // namespace weave::test
