#include "datapath/odp/flow_keeper.hpp"

#include <algorithm>
#include <vector>

#include "datapath/odp/adoption.hpp"
#include "datapath/packet/headers.hpp"

namespace weave::datapath::odp {
namespace {

constexpr Duration kReliefInterval = std::chrono::seconds{10};

HeartbeatArrival heartbeat_of(Upcall const& upcall, PortMap const& ports) {
  auto const head = upcall.packet.first(std::min(upcall.packet.size(), kHeartbeatHead));
  return {.ids = TunnelId::of_vni(static_cast<std::uint32_t>(upcall.tunnel->id)),
          .remote = upcall.tunnel->source,
          .udp_port = ports.udp_port(upcall.in_port),
          .length = static_cast<std::uint32_t>(upcall.packet.size()),
          .head = Bytes(head.begin(), head.end())};
}

} // namespace

FlowKeeper::FlowKeeper(Scheduler& scheduler, MacTable& macs, MacChanges& changes, std::size_t capacity)
    : scheduler_{scheduler},
      macs_{macs},
      changes_{changes},
      decider_{state_, ports_, macs_, places_},
      table_{capacity} {}

Result<void> FlowKeeper::attach(DatapathInterface& datapath, PortMap ports) {
  datapath_ = &datapath;
  ports_ = std::move(ports);
  table_.attach(datapath);
  auto const found = datapath.flows();
  if (!found) return failure_of(found);
  auto const now = scheduler_.now();
  for (auto const& flow : *found) {
    if (auto plan = plan_of_ours(flow, ports_)) {
      table_.adopt(flow, std::move(*plan), now);
    } else {
      (void)datapath.remove_flow(flow);
    }
  }
  learn_from_adopted();
  review();
  return {};
}

void FlowKeeper::set_ports(PortMap ports) {
  if (ports == ports_) return;
  places_.forget([&](MacAddress, PortNo port) { return ports.name(port) != ports_.name(port); });
  ports_ = std::move(ports);
  review();
}

void FlowKeeper::apply(std::shared_ptr<ForwardingState const> state) {
  state_ = StateView{std::move(state)};
  if (table_.has_adopted()) {
    learn_from_adopted();
    if (!state_.settling()) table_.confirm_adopted();
  }
  review();
}

std::optional<HeartbeatArrival> FlowKeeper::on_upcall(Upcall const& upcall) {
  auto const key = key_of(upcall);
  if (!key) {
    drops_.add(DropReason::runt);
    return std::nullopt;
  }
  learn(*key);
  auto const decision = decider_.decide(*key);
  if (decision.heartbeat) return heartbeat_of(upcall, ports_);
  auto const actions = actions_of(decision.plan);
  // The packet first: others that wait behind it gain more from a flow than they lose by its round trip.
  if (actions.empty())
    drops_.add(decision.drop);
  else
    (void)datapath_->execute(upcall.packet, actions);
  if (decision.cacheable) install(decision, actions);
  return std::nullopt;
}

void FlowKeeper::install(FlowDecision const& decision, Actions const& actions) {
  auto const now = scheduler_.now();
  auto const installed = table_.install(decision.match, actions, now);
  if (installed || now - last_relief_ < kReliefInterval) return;
  if (table_.is_full()) {
    last_relief_ = now;
    (void)age(kFlowIdleWhenFull);
  } else if (installed.error().kind() == ErrorKind::already_exists) {
    // A flow that we do not know is in the way.
    last_relief_ = now;
    (void)age(kFlowIdle);
  }
}

void FlowKeeper::on_macs_changed() {
  auto const now = scheduler_.now();
  for (auto const mac : changes_.take()) {
    table_.review(
        mac, [this](KnownFlow const& flow) { return wanted(flow); }, now);
  }
}

void FlowKeeper::learn(PacketKey const& key) {
  auto const seen = decider_.sighting(key);
  if (!seen) return;
  auto const now = scheduler_.now();
  if (!seen->port) {
    macs_.record_remote(seen->mac, seen->peer, now);
  } else {
    macs_.record_local(seen->mac, now);
    if (places_.record(seen->mac, *seen->port)) changes_.add(seen->mac);
  }
  on_macs_changed();
}

void FlowKeeper::learn_from_adopted() {
  struct Lesson {
    TimePoint seen;
    Sighting sighting;
  };
  std::vector<Lesson> lessons;
  table_.for_each([&](KnownFlow const& flow) {
    if (!flow.adopted || flow.match.source.mask.is_zero()) return;
    auto const sighting = decider_.sighting(key_of(flow.match));
    if (sighting && !macs_.find(sighting->mac)) lessons.push_back({flow.used.value_or(flow.created), *sighting});
  });
  // Of several, the youngest is right, and what was seen since is not touched.
  std::ranges::sort(lessons, {}, &Lesson::seen);
  for (auto const& [seen, sighting] : lessons) {
    if (sighting.port) {
      macs_.record_local(sighting.mac, seen);
      places_.record(sighting.mac, *sighting.port);
    } else {
      macs_.record_remote(sighting.mac, sighting.peer, seen);
    }
  }
}

bool FlowKeeper::has_moved(PacketKey const& key) const {
  auto const seen = decider_.sighting(key);
  if (!seen) return false;
  auto const owner = macs_.find(seen->mac);
  if (owner && *owner != seen->peer) return true;
  auto const place = seen->port ? places_.find(seen->mac) : std::nullopt;
  return place && *place != *seen->port;
}

std::optional<Actions> FlowKeeper::wanted(KnownFlow const& flow) const {
  auto const key = key_of(flow.match);
  // Its next packet from there must be seen by us.
  if (!flow.match.source.mask.is_zero() && has_moved(key)) return std::nullopt;
  auto const decision = decider_.decide(key);
  if (flow.adopted && state_.settling()) {
    if (auto const kept = kept_plan(flow.match, *flow.adopted, decision, state_, ports_, macs_)) {
      return actions_of(*kept);
    }
  }
  if (!decision.cacheable || decision.match != flow.match) return std::nullopt;
  return actions_of(decision.plan);
}

void FlowKeeper::review() {
  (void)changes_.take();
  table_.review([this](KnownFlow const& flow) { return wanted(flow); }, scheduler_.now());
  install_permanent();
}

void FlowKeeper::retry() {
  if (table_.uncertain() == 0) return;
  table_.retry([this](KnownFlow const& flow) { return wanted(flow); }, scheduler_.now());
}

bool FlowKeeper::is_permanent(FlowMatch const& match) const {
  return ports_.role(match.in_port) == PortRole::user && match.source.mask.is_zero() &&
         match.destination.mask.is_zero();
}

void FlowKeeper::install_permanent() {
  if (!ports_.user()) return;
  // Frames that the worker delivers: without tags of their own, or with.
  for (auto const inner : {std::optional<std::uint16_t>{}, std::optional<std::uint16_t>{kEtherTypeVlan},
                           std::optional<std::uint16_t>{kEtherTypeServiceVlan}}) {
    auto const key = key_of(FlowMatch{.in_port = *ports_.user(), .vlan = VlanMatch{.inner_type = inner}});
    auto const decision = decider_.decide(key);
    auto const actions = actions_of(decision.plan);
    if (decision.cacheable && is_permanent(decision.match)) {
      (void)table_.ensure(decision.match, actions, scheduler_.now());
    }
  }
}

Result<void> FlowKeeper::age(Duration idle) {
  auto const found = datapath_->flows();
  if (!found) return failure_of(found);
  auto const now = scheduler_.now();
  table_.compare(*found);
  refresh_addresses();
  table_.expire([&](KnownFlow const& flow) {
    return now - flow.used.value_or(flow.created) > idle && !is_permanent(flow.match);
  });
  places_.forget([&](MacAddress mac, PortNo) { return macs_.find(mac) != macs_.self(); });
  // Addresses may have gone without a word.
  review();
  return {};
}

void FlowKeeper::refresh_addresses() {
  table_.for_each([&](KnownFlow const& flow) {
    if (!flow.used || flow.match.source.mask.is_zero()) return;
    auto const seen = decider_.sighting(key_of(flow.match));
    if (!seen) return;
    auto const owner = macs_.find(seen->mac);
    if (owner && *owner != seen->peer) return;
    if (seen->port)
      macs_.record_local(seen->mac, *flow.used);
    else
      macs_.record_remote(seen->mac, seen->peer, *flow.used);
  });
}

} // namespace weave::datapath::odp
