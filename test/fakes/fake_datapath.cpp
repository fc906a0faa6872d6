#include "test/fakes/fake_datapath.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datapath/packet/headers.hpp"

namespace weave::test {

using namespace datapath::odp;

namespace {

constexpr std::uint32_t kPid = 4711;
constexpr std::size_t kAddresses = 2 * datapath::kMacSize;

bool is_tag(std::uint16_t type) { return type == datapath::kEtherTypeVlan || type == datapath::kEtherTypeServiceVlan; }

std::optional<std::uint16_t> tag_type(ByteView frame, std::size_t offset) {
  if (frame.size() < offset + datapath::kVlanTagSize) return std::nullopt;
  auto const type = datapath::load_u16(frame, offset);
  return is_tag(type) ? std::optional{type} : std::nullopt;
}

std::optional<VlanMatch> tags_of(ByteView frame) {
  auto const outer = tag_type(frame, kAddresses);
  if (!outer) return std::nullopt;
  auto const vid = static_cast<std::uint16_t>(datapath::load_u16(frame, kAddresses + 2) & 0x0fff);
  return VlanMatch{.id = vid, .type = *outer, .inner_type = tag_type(frame, kAddresses + datapath::kVlanTagSize)};
}

/// The most specific match of a packet.
std::optional<FlowMatch> key_of(PortNo port, ByteView frame, std::optional<TunnelKey> const& tunnel) {
  auto const ethernet = datapath::EthernetView::parse(frame);
  if (!ethernet) return std::nullopt;
  FlowMatch key{.in_port = port,
                .source = MaskedMac::exactly(ethernet->source()),
                .destination = MaskedMac::exactly(ethernet->destination()),
                .vlan = tags_of(frame)};
  if (tunnel) key.tunnel = TunnelMatch{tunnel->id, tunnel->source, tunnel->destination};
  return key;
}

bool mac_matches(MaskedMac const& match, MacAddress mac) {
  return (mac.value() & match.mask.value()) == (match.value.value() & match.mask.value());
}

bool vlan_matches(std::optional<VlanMatch> const& match, std::optional<VlanMatch> const& tags) {
  if (!match || !tags) return !match && !tags;
  return match->type == tags->type && match->inner_type == tags->inner_type && (!match->id || match->id == tags->id);
}

/// Whether the flow serves packets with this key; ignored fields of `key` count as zero.
bool matches(FlowMatch const& match, FlowMatch const& key) {
  return (match.in_port == key.in_port || match.in_port == kAnyPort) && mac_matches(match.source, key.source.value) &&
         mac_matches(match.destination, key.destination.value) && (!match.tunnel || match.tunnel == key.tunnel) &&
         vlan_matches(match.vlan, key.vlan);
}

void push_tag(Bytes& frame, PushVlanAction const& push) {
  std::uint8_t const tag[] = {static_cast<std::uint8_t>(push.type >> 8), static_cast<std::uint8_t>(push.type),
                              static_cast<std::uint8_t>(push.tci >> 8 & 0xef), static_cast<std::uint8_t>(push.tci)};
  if (frame.size() >= kAddresses) frame.insert(frame.begin() + kAddresses, std::begin(tag), std::end(tag));
}

void pop_tag(Bytes& frame) {
  if (tag_type(frame, kAddresses)) frame.erase(frame.begin() + kAddresses, frame.begin() + kAddresses + 4);
}

bool takes_udp_port(Vport const& port, std::uint16_t udp_port) { return port.udp_port == udp_port; }

} // namespace

struct FakeSwitch::PacketState {
  Bytes frame;
  std::optional<TunnelKey> tunnel = {};
};

FakeSwitch::FakeSwitch(Post post, std::string name) : post_{std::move(post)}, name_{std::move(name)} {}

Result<void> FakeSwitch::check(std::string const& method) const {
  auto const fault = faults_.find(method);
  if (fault != faults_.end()) return std::unexpected(fault->second);
  return {};
}

void FakeSwitch::make() {
  if (std::exchange(exists_, true)) return;
  ports_[PortNo{0}] = Vport{.number = PortNo{0}, .name = name_, .type = VportType::internal};
}

std::unique_ptr<FakeDatapath> FakeSwitch::open() {
  make();
  return std::make_unique<FakeDatapath>(*this);
}

void FakeSwitch::delete_datapath() {
  exists_ = false;
  ports_.clear();
  flows_.clear();
  if (process_ != nullptr) process_->deleted_ = true;
  tell([](FakeDatapath& process) {
    if (process.events_.on_deleted) process.events_.on_deleted();
  });
}

void FakeSwitch::remove_device(std::string const& name) {
  devices_.erase(name);
  auto const vport = port(name);
  if (vport && vport->type == VportType::netdev) remove_port(vport->number);
}

std::optional<Vport> FakeSwitch::port(std::string_view name) const {
  for (auto const& [number, vport] : ports_) {
    if (vport.name == name) return vport;
  }
  return std::nullopt;
}

Result<Vport> FakeSwitch::add_port(VportSpec const& spec, std::uint32_t pid) {
  if (spec.type == VportType::netdev && !devices_.contains(spec.name)) {
    return failure(ErrorKind::not_found, fmt::format("no device {}", spec.name));
  }
  auto const clash = [&](auto const& item) {
    return item.second.name == spec.name || (spec.udp_port && takes_udp_port(item.second, *spec.udp_port));
  };
  if (std::ranges::any_of(ports_, clash) || (spec.udp_port && busy_udp_ports_.contains(*spec.udp_port))) {
    return failure(ErrorKind::already_exists, fmt::format("{} is in use", spec.name));
  }
  std::uint32_t number = 1;
  while (ports_.contains(PortNo{number})) ++number;
  Vport const made{.number = PortNo{number},
                   .name = spec.name,
                   .type = spec.type,
                   .udp_port = spec.udp_port,
                   .stats = {},
                   .upcall_pids = {pid}};
  ports_[made.number] = made;
  tell([made](FakeDatapath& process) {
    if (process.events_.on_port_added) process.events_.on_port_added(made);
  });
  return made;
}

void FakeSwitch::remove_port(PortNo number) {
  auto const node = ports_.extract(number);
  if (node.empty()) return;
  tell([vport = node.mapped()](FakeDatapath& process) {
    if (process.events_.on_port_removed) process.events_.on_port_removed(vport);
  });
}

std::list<Flow>::iterator FakeSwitch::find_flow(Flow const& flow) {
  return std::ranges::find_if(flows_, [&](Flow const& installed) {
    return flow.ufid ? installed.ufid == flow.ufid : installed.match == flow.match;
  });
}

void FakeSwitch::receive(std::string_view name, ByteView frame, std::optional<TunnelKey> tunnel) {
  auto const vport = port(name);
  if (!vport) return;
  auto& stats = ports_.at(vport->number).stats;
  ++stats.received_packets;
  stats.received_bytes += frame.size();
  auto const key = key_of(vport->number, frame, tunnel);
  Flow* found = nullptr;
  for (auto& flow : flows_) {
    if (!key || !matches(flow.match, *key)) continue;
    if (found != nullptr && found->actions != flow.actions) ++counters_.ambiguous;
    if (found == nullptr) found = &flow;
  }
  if (found == nullptr) {
    ++counters_.misses;
    upcall(vport->number, frame, tunnel);
    return;
  }
  ++counters_.hits;
  ++found->stats.packets;
  found->stats.bytes += frame.size();
  found->stats.used = clock_ ? clock_() : std::chrono::milliseconds{1};
  act({.frame = Bytes(frame.begin(), frame.end())}, found->actions);
}

void FakeSwitch::upcall(PortNo port, ByteView frame, std::optional<TunnelKey> const& tunnel) {
  if (process_ == nullptr) {
    ++counters_.lost;
    return;
  }
  ++counters_.upcalls;
  ++upcalls_under_way_;
  tell([this, epoch = upcall_epoch_, port, tunnel, packet = Bytes(frame.begin(), frame.end())](FakeDatapath& process) {
    if (epoch != upcall_epoch_) return;
    --upcalls_under_way_;
    if (process.events_.on_upcall) process.events_.on_upcall(Upcall{port, tunnel, packet});
  });
}

void FakeSwitch::overrun() {
  ++upcall_epoch_;
  auto const lost = std::exchange(upcalls_under_way_, 0);
  counters_.lost += lost;
  if (process_ != nullptr) process_->upcalls_lost_ += lost;
  tell([](FakeDatapath& process) {
    if (process.events_.on_overrun) process.events_.on_overrun();
  });
}

void FakeSwitch::act(PacketState packet, Actions const& actions) {
  for (auto const& action : actions) {
    if (auto const* output = std::get_if<OutputAction>(&action)) {
      auto const vport = ports_.find(output->port);
      if (vport == ports_.end()) continue;
      ++vport->second.stats.sent_packets;
      vport->second.stats.sent_bytes += packet.frame.size();
      sent_.push_back({vport->second.name, packet.frame, packet.tunnel});
    } else if (auto const* set = std::get_if<SetTunnelAction>(&action)) {
      packet.tunnel = set->tunnel;
    } else if (auto const* push = std::get_if<PushVlanAction>(&action)) {
      push_tag(packet.frame, *push);
    } else if (std::holds_alternative<PopVlanAction>(action)) {
      pop_tag(packet.frame);
    }
  }
}

void FakeSwitch::tell(std::function<void(FakeDatapath&)> notify) {
  post_([this, alive = std::weak_ptr{alive_}, process = process_, notify = std::move(notify)] {
    if (alive.lock() && process != nullptr && process == process_) notify(*process);
  });
}

FakeDatapath::~FakeDatapath() {
  if (switch_.process_ == this) switch_.process_ = nullptr;
}

Result<void> FakeDatapath::check(std::string const& method) const {
  if (deleted_ || !switch_.exists_) return failure(ErrorKind::not_found, "the datapath does not exist");
  return switch_.check(method);
}

Result<void> FakeDatapath::start(DatapathEvents events) {
  if (auto const possible = check("start"); !possible) return possible;
  events_ = std::move(events);
  switch_.process_ = this;
  for (auto& [number, vport] : switch_.ports_) vport.upcall_pids = {kPid};
  return {};
}

Result<std::vector<Vport>> FakeDatapath::ports() {
  if (auto const possible = check("ports"); !possible) return failure_of(possible);
  std::vector<Vport> all;
  for (auto const& [number, vport] : switch_.ports_) all.push_back(vport);
  return all;
}

Result<Vport> FakeDatapath::add_port(VportSpec const& spec) {
  if (auto const possible = check("add_port"); !possible) return failure_of(possible);
  return switch_.add_port(spec, kPid);
}

Result<void> FakeDatapath::remove_port(PortNo port) {
  if (auto const possible = check("remove_port"); !possible) return possible;
  switch_.remove_port(port);
  return {};
}

Result<std::vector<Flow>> FakeDatapath::flows() {
  if (auto const possible = check("flows"); !possible) return failure_of(possible);
  return std::vector<Flow>(switch_.flows_.begin(), switch_.flows_.end());
}

Result<void> FakeDatapath::put_flow(Flow const& flow) {
  if (auto const possible = check("put_flow"); !possible) return possible;
  if (flow.ufid != ufid_of(flow.match)) return failure(ErrorKind::refused, "the flow has no identifier of its own");
  auto const found = switch_.find_flow(flow);
  auto const overlaps = [&](Flow const& other) { return matches(other.match, flow.match); };
  if (found == switch_.flows_.end() && std::ranges::any_of(switch_.flows_, overlaps)) {
    return failure(ErrorKind::already_exists, "another flow serves such packets");
  }
  ++switch_.counters_.puts;
  if (found != switch_.flows_.end()) {
    found->actions = flow.actions;
  } else {
    switch_.flows_.push_back(Flow{.match = flow.match, .actions = flow.actions, .ufid = flow.ufid});
  }
  return {};
}

Result<void> FakeDatapath::remove_flow(Flow const& flow) {
  if (auto const possible = check("remove_flow"); !possible) return possible;
  auto const found = switch_.find_flow(flow);
  if (found == switch_.flows_.end()) return {};
  ++switch_.counters_.removals;
  switch_.flows_.erase(found);
  return {};
}

Result<void> FakeDatapath::execute(ByteView packet, Actions const& actions) {
  if (auto const possible = check("execute"); !possible) return possible;
  ++switch_.counters_.executed;
  switch_.act({.frame = Bytes(packet.begin(), packet.end())}, actions);
  return {};
}

Result<DatapathStats> FakeDatapath::statistics() {
  if (auto const possible = check("statistics"); !possible) return failure_of(possible);
  auto const& counters = switch_.counters_;
  return DatapathStats{counters.hits, counters.misses, counters.lost, switch_.flows_.size()};
}

} // namespace weave::test
