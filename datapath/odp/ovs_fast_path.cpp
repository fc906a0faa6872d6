#include "datapath/odp/ovs_fast_path.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datapath/link/vxlan_device.hpp"
#include "datapath/odp/format.hpp"

namespace weave::datapath::odp {
namespace {

constexpr char const* kDeleted = "datapath";
constexpr char const* kOverrun = "overrun";
constexpr char const* kPortList = "ports";
constexpr char const* kFlowWrites = "flows";
constexpr std::string_view kPortFault = "port ";
/// Without another overrun for so long it is over.
constexpr Duration kOverrunCalm = std::chrono::seconds{10};

std::string_view consequence(PortRole role) {
  switch (role) {
    case PortRole::local: return "containers of this host are cut off from others";
    case PortRole::user: return "peers without VXLAN are cut off";
    case PortRole::tunnel: return "no VXLAN by this port";
    case PortRole::ignored: break;
  }
  return "no consequence";
}

std::string_view type_name(VportType type) {
  switch (type) {
    case VportType::netdev: return "netdev";
    case VportType::internal: return "internal";
    case VportType::gre: return "gre";
    case VportType::vxlan: return "vxlan";
    case VportType::geneve: return "geneve";
    case VportType::unspecified: break;
  }
  return "unknown";
}

Error gone() { return Error{ErrorKind::unavailable, "the Open vSwitch datapath does not exist now"}; }

} // namespace

OvsFastPath::OvsFastPath(Dependencies dependencies, Config config)
    : dependencies_{std::move(dependencies)},
      config_{std::move(config)},
      faults_{dependencies_.logger},
      changes_{[this, alive = std::weak_ptr{alive_}, post = dependencies_.post] {
        post([this, alive] {
          if (alive.lock() && datapath_) keeper_.on_macs_changed();
        });
      }},
      // The kernel path never sends a frame back to where it came from: no reflections to be held down.
      macs_{config_.self, Duration::zero(), [this](MacAddress mac, PeerName, MacChange) { changes_.add(mac); }},
      plugs_{*dependencies_.devices, {.datapath = config_.datapath, .bridged = config_.bridged}},
      keeper_{dependencies_.scheduler, macs_, changes_} {}

OvsFastPath::~OvsFastPath() = default;

Result<std::unique_ptr<OvsFastPath>> OvsFastPath::create(Dependencies dependencies, Config config) {
  std::unique_ptr<OvsFastPath> path{new OvsFastPath{std::move(dependencies), std::move(config)}};
  if (auto const opened = path->open(); !opened) return failure_of(opened);
  path->audit_timer_ = path->dependencies_.scheduler.after(kAudit, [raw = path.get()] { raw->audit(); });
  path->age_timer_ = path->dependencies_.scheduler.after(kAgeInterval, [raw = path.get()] { raw->age(); });
  return path;
}

void OvsFastPath::start(FastPathEvents events) { report_ = std::move(events); }

void OvsFastPath::later(std::function<void()> call) {
  dependencies_.scheduler.post([alive = std::weak_ptr{alive_}, call = std::move(call)] {
    if (alive.lock()) call();
  });
}

Result<void> OvsFastPath::open() {
  auto opened = dependencies_.open();
  if (!opened) return failure_of(opened);
  if (auto const started = (*opened)->start(events()); !started) return started;
  auto ports = plugs_.sync(**opened);
  if (!ports) return failure_of(ports);
  for (auto const& missing : plugs_.missing()) {
    if (missing.role == PortRole::local) return std::unexpected(missing.error);
  }
  (void)plugs_.take_replugged();
  // Also if it cannot be read, since the keeper works on it from here on; the former one is gone in any case.
  auto const former = std::exchange(datapath_, std::move(*opened));
  return keeper_.attach(*datapath_, std::move(*ports));
}

DatapathEvents OvsFastPath::events() {
  return {.on_upcall = [this](Upcall const& upcall) { on_upcall(upcall); },
          .on_port_added = [this](Vport const&) { on_ports_changed(); },
          .on_port_removed = [this](Vport const&) { on_ports_changed(); },
          .on_deleted = [this] { on_deleted(); },
          .on_overrun = [this] { on_overrun(); }};
}

Result<void> OvsFastPath::attach_user_port(std::string const& device) {
  if (failed_ || !datapath_) return std::unexpected(gone());
  if (auto plugged = plugs_.plug_user_port(*datapath_, device); !plugged) return plugged;
  sync_ports();
  return {};
}

Result<void> OvsFastPath::plug_in_container(std::string const& device) {
  if (failed_ || !datapath_) return std::unexpected(gone());
  if (auto plugged = plugs_.plug_container(*datapath_, device); !plugged) return plugged;
  sync_ports();
  return {};
}

Result<void> OvsFastPath::open_tunnel_port(std::uint16_t udp_port) {
  if (failed_ || !datapath_) return std::unexpected(gone());
  if (auto opened = plugs_.open_tunnel(*datapath_, udp_port); !opened) return opened;
  if (!keeper_.ports().tunnel(udp_port)) sync_ports();
  return {};
}

void OvsFastPath::apply(std::shared_ptr<ForwardingState const> state) {
  if (!failed_) keeper_.apply(std::move(state));
}

Result<void> OvsFastPath::send_heartbeat(TunnelEndpoints const& endpoints, TunnelId ids, ByteView frame) {
  if (failed_ || !datapath_) return std::unexpected(gone());
  auto const port = keeper_.ports().tunnel(endpoints.udp_port);
  if (!port) return failure(ErrorKind::not_found, fmt::format("no VXLAN port {}", endpoints.udp_port));
  Plan plan;
  plan.tunnels.push_back({*port, tunnel_key(ids, endpoints.local, endpoints.remote)});
  return datapath_->execute(frame, actions_of(plan));
}

void OvsFastPath::on_upcall(Upcall const& upcall) {
  if (failed_ || lost_since_ || !datapath_) return;
  ++counters_.upcalls;
  if (keeper_.ports().name(upcall.in_port).empty()) sync_ports();
  auto const heartbeat = keeper_.on_upcall(upcall);
  if (!heartbeat) return;
  ++counters_.heartbeats;
  if (report_.on_heartbeat) report_.on_heartbeat(*heartbeat);
}

void OvsFastPath::on_ports_changed() {
  if (std::exchange(sync_pending_, true)) return;
  later([this] {
    sync_pending_ = false;
    sync_ports();
  });
}

void OvsFastPath::sync_ports() {
  if (failed_ || lost_since_ || !datapath_) return;
  auto ports = plugs_.sync(*datapath_);
  if (!ports && ports.error().kind() == ErrorKind::not_found) return on_deleted();
  if (!ports) {
    faults_.begin(kPortList, fmt::format("Cannot look at the ports of datapath {}, changes may go unnoticed: {}",
                                         config_.datapath, ports.error().text()));
    return;
  }
  faults_.end(kPortList, fmt::format("The ports of datapath {} can be seen again", config_.datapath));
  report_ports();
  keeper_.set_ports(std::move(*ports));
}

void OvsFastPath::report_ports() {
  auto over = faults_.active(kPortFault);
  for (auto const& missing : plugs_.missing()) {
    auto const fault = std::string{kPortFault} + missing.name;
    std::erase(over, fault);
    faults_.begin(fault, fmt::format("Port {} of datapath {} is missing, {}: {}", missing.name, config_.datapath,
                                     consequence(missing.role), missing.error.text()));
  }
  auto const replugged = plugs_.take_replugged();
  for (auto const& fault : over) {
    faults_.end(fault, fmt::format("{} of datapath {} is there again", fault, config_.datapath));
  }
  for (auto const& name : replugged) {
    if (std::ranges::find(over, std::string{kPortFault} + name) != over.end()) continue;
    dependencies_.logger.warning("Port {} of datapath {} was missing or down; it is in use again", name,
                                 config_.datapath);
  }
}

void OvsFastPath::on_overrun() {
  ++counters_.overruns;
  last_overrun_ = dependencies_.scheduler.now();
  faults_.begin(kOverrun,
                "The kernel asks about packets of unknown destinations faster than they are answered; some "
                "of these are lost");
  on_ports_changed();
}

void OvsFastPath::on_deleted() {
  if (failed_ || lost_since_) return;
  lost_since_ = dependencies_.scheduler.now();
  faults_.begin(kDeleted, fmt::format("Datapath {} was deleted by somebody else: no traffic between hosts until it is "
                                      "made again",
                                      config_.datapath));
  // The object that reports this is replaced, so not from inside it.
  later([this] { rebuild(); });
}

void OvsFastPath::rebuild() {
  if (failed_ || !lost_since_) return;
  auto const opened = open();
  auto const now = dependencies_.scheduler.now();
  if (opened) {
    ++counters_.rebuilds;
    lost_since_.reset();
    faults_.end(kDeleted, fmt::format("Datapath {} was made again", config_.datapath));
    sync_ports();
    return;
  }
  if (now - *lost_since_ >= kGiveUp) return give_up(opened.error());
  rebuild_timer_ = dependencies_.scheduler.after(kRebuildRetry, [this] { rebuild(); });
}

void OvsFastPath::give_up(Error const& error) {
  failed_ = true;
  auto const text = fmt::format("datapath {} was deleted and cannot be made again: {}", config_.datapath, error.text());
  if (report_.on_failed) report_.on_failed(Error{error.kind(), text});
}

void OvsFastPath::audit() {
  if (failed_) return;
  sync_ports();
  if (!lost_since_) keeper_.retry();
  if (!lost_since_ && keeper_.table().uncertain() != 0 && !faults_.is_active(kFlowWrites)) {
    // A flow that we do not know may be in the way.
    (void)keeper_.age();
    keeper_.retry();
  }
  if (keeper_.table().uncertain() != 0) {
    faults_.begin(kFlowWrites,
                  fmt::format("Datapath {} refuses flows; their packets may take old ways", config_.datapath));
  } else {
    faults_.end(kFlowWrites, fmt::format("All flows of datapath {} are right again", config_.datapath));
  }
  if (dependencies_.scheduler.now() - last_overrun_ > kOverrunCalm) {
    faults_.end(kOverrun, fmt::format("No packets were lost on their way to us for {} s; {} in all",
                                      std::chrono::duration_cast<std::chrono::seconds>(kOverrunCalm).count(),
                                      datapath_->upcalls_lost()));
  }
  audit_timer_ = dependencies_.scheduler.after(kAudit, [this] { audit(); });
}

void OvsFastPath::age() {
  if (failed_) return;
  if (!lost_since_) {
    if (auto const aged = keeper_.age(); !aged) {
      dependencies_.logger.debug("Reading the flows of datapath {}: {}", config_.datapath, aged.error().text());
    }
  }
  age_timer_ = dependencies_.scheduler.after(kAgeInterval, [this] { age(); });
}

Result<std::vector<FlowDescription>> OvsFastPath::flows() {
  if (failed_ || !datapath_) return std::unexpected(gone());
  auto const ports = datapath_->ports();
  if (!ports) return failure_of(ports);
  auto const flows = datapath_->flows();
  if (!flows) return failure_of(flows);
  PortLabels labels;
  for (auto const& port : *ports) labels.emplace(port.number, port.name);
  std::vector<FlowDescription> all;
  all.reserve(flows->size());
  for (auto const& flow : *flows) {
    all.push_back({to_string(flow.match, labels, dependencies_.words),
                   to_string(flow.actions, labels, dependencies_.words), flow.stats.packets, flow.stats.bytes,
                   flow.stats.used});
  }
  return all;
}

Result<std::vector<PortDescription>> OvsFastPath::ports() {
  if (failed_ || !datapath_) return std::unexpected(gone());
  auto const ports = datapath_->ports();
  if (!ports) return failure_of(ports);
  std::vector<PortDescription> all;
  for (auto const& port : *ports) {
    all.push_back({static_cast<std::uint32_t>(port.number), port.name, std::string{type_name(port.type)}});
  }
  return all;
}

std::vector<std::pair<std::string, std::uint64_t>> OvsFastPath::statistics() {
  auto const& flows = keeper_.table().counters();
  std::vector<std::pair<std::string, std::uint64_t>> all{
      {"UpcallsReceived", counters_.upcalls}, {"HeartbeatsReceived", counters_.heartbeats},
      {"UpcallOverruns", counters_.overruns}, {"DatapathRebuilds", counters_.rebuilds},
      {"Flows", keeper_.table().size()},      {"FlowsInstalled", flows.installed},
      {"FlowsRewritten", flows.rewritten},    {"FlowsRemoved", flows.removed},
      {"FlowsExpired", flows.expired},        {"FlowsRefused", flows.refused},
      {"FlowsFailed", flows.failed},          {"FlowsLost", flows.lost},
      {"FlowsForeign", flows.foreign},        {"AddressMoves", macs_.moves()}};
  for (std::size_t reason = 1; reason < kDropReasons; ++reason) {
    auto const dropped = keeper_.drops().count(static_cast<DropReason>(reason));
    if (dropped != 0) all.emplace_back(fmt::format("Dropped.{}", to_string(static_cast<DropReason>(reason))), dropped);
  }
  if (failed_ || !datapath_) return all;
  all.emplace_back("UpcallsLost", datapath_->upcalls_lost());
  if (auto const kernel = datapath_->statistics()) {
    all.emplace_back("KernelHits", kernel->hits);
    all.emplace_back("KernelMisses", kernel->misses);
    all.emplace_back("KernelLost", kernel->lost);
  }
  return all;
}

Result<void> remove_ovs_path(Links& links, std::function<Result<void>()> const& delete_datapath) {
  Result<void> outcome = delete_datapath();
  auto const note = [&](Result<void> const& done) {
    if (!done && outcome) outcome = done;
  };
  note(remove_vxlan_devices(links));
  for (auto const name : {kBridgeEnd, kDatapathEnd}) note(links.remove(name));
  return outcome;
}

} // namespace weave::datapath::odp
