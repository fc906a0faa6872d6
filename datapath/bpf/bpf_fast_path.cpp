#include "datapath/bpf/bpf_fast_path.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "datapath/bpf/flow_text.hpp"
#include "datapath/bpf/heartbeat_channel.hpp"
#include "datapath/bpf/kernel_mac_table.hpp"
#include "datapath/bpf/kernel_maps.hpp"
#include "datapath/bpf/left_behind.hpp"
#include "datapath/bpf/vxlan_ports.hpp"
#include "datapath/link/vxlan_device.hpp"

namespace weave::datapath::bpf {

namespace {

constexpr Duration kCheckInterval = std::chrono::seconds{1};
constexpr int kChecksUntilFailed = 5;

constexpr std::array<std::pair<unsigned, char const*>, WEAVE_EVENTS> kEventNames{{
    {WEAVE_FLOODED_PACKETS, "FramesFlooded"},
    {WEAVE_FLOODED_BYTES, "BytesFlooded"},
    {WEAVE_FLOODED_COPIES, "FloodCopies"},
    {WEAVE_ONWARD_PACKETS, "FramesFloodedOnward"},
    {WEAVE_MAC_MOVES, "MacMoves"},
    {WEAVE_HEARTBEATS, "HeartbeatsReceived"},
    {WEAVE_HEARTBEATS_LOST, "HeartbeatsLost"},
    {WEAVE_INJECTED_PACKETS, "FramesInjected"},
    {WEAVE_DROP_NOT_CONFIGURED, "DroppedNotConfigured"},
    {WEAVE_DROP_NO_TUNNEL, "DroppedNoTunnel"},
    {WEAVE_DROP_RESERVED_ADDRESS, "DroppedReservedAddress"},
    {WEAVE_DROP_LOCAL_DESTINATION, "DroppedLocalDestination"},
    {WEAVE_DROP_NO_ROUTE, "DroppedNoRoute"},
    {WEAVE_DROP_NO_CARRIER, "DroppedNoCarrier"},
    {WEAVE_DROP_UNKNOWN_SOURCE, "DroppedUnknownSource"},
    {WEAVE_DROP_OWN_SOURCE, "DroppedOwnSource"},
    {WEAVE_DROP_WAY_BACK, "DroppedWayBack"},
    {WEAVE_DROP_BAD_FRAME, "DroppedBadFrame"},
    {WEAVE_DROP_SEND_FAILED, "DroppedSendFailed"},
    {WEAVE_DROP_UNTAGGED, "DroppedUntagged"},
}};

class BpfFastPath final : public FastPath {
 public:
  BpfFastPath(BpfFastPathConfig config, KernelPrograms programs)
      : config_{std::move(config)},
        programs_{std::move(programs)},
        maps_{programs_},
        macs_{config_.self, programs_},
        ports_{config_.links,
               config_.logger,
               {.bridge = config_.bridge, .mtu = config_.mtu, .primary_port = config_.udp_port}} {}

  /// Everything that may fail.
  [[nodiscard]] Result<void> prepare(LeftBehind const& left);

  [[nodiscard]] std::string_view name() const override { return "bpf"; }
  void start(FastPathEvents events) override;
  [[nodiscard]] Result<void> attach_user_port(std::string const& device) override;
  [[nodiscard]] Result<void> open_tunnel_port(std::uint16_t udp_port) override;
  void apply(std::shared_ptr<ForwardingState const> state) override;
  [[nodiscard]] Result<void> send_heartbeat(TunnelEndpoints const& endpoints, TunnelId ids, ByteView frame) override;
  [[nodiscard]] MacLearning& macs() override { return macs_; }
  [[nodiscard]] Result<std::vector<FlowDescription>> flows() override;
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override;

 private:
  [[nodiscard]] Result<void> configure(::weave_conf const& conf);
  void install();
  void say(Result<void> const& outcome);
  void warn_of_long_lists();
  void replace_programs();
  void on_arrival(::weave_arrival const& arrival);
  void schedule_check();
  void check();
  [[nodiscard]] bool has_failed();

  BpfFastPathConfig config_;
  KernelPrograms programs_;
  KernelMaps maps_;
  KernelMacTable macs_;
  VxlanPorts ports_;
  std::optional<ForwardingTable> table_;
  std::optional<HeartbeatSender> sender_;
  std::unique_ptr<ArrivalReader> reader_;
  ::weave_conf conf_{};
  std::shared_ptr<ForwardingState const> state_;
  /// Programs of an older version still forward; ours take over with the first state.
  bool older_programs_ = false;
  bool retry_ = false;
  std::string said_;
  bool said_long_lists_ = false;
  FastPathEvents events_;
  Timer check_timer_;
};

Result<void> BpfFastPath::prepare(LeftBehind const& left) {
  InstalledTable installed;
  conf_ = {.layout = WEAVE_LAYOUT, .own_id = WEAVE_NO_ID, .vxlan_ifindex = 0, .user_ifindex = 0};
  if (left.adoptable) {
    auto const conf = maps_.configuration();
    if (!conf) return failure_of(conf);
    conf_ = *conf;
    auto table = maps_.read_table();
    if (!table) return failure_of(table);
    installed = std::move(*table);
  } else if (left.macs) {
    (void)macs_.copy_from(left.macs->get());
  }
  table_.emplace(maps_, std::move(installed));
  older_programs_ = left.programs && !left.adoptable;
  if (auto written = maps_.write_configuration(conf_); !written) return written;
  auto sender = HeartbeatSender::open(maps_);
  if (!sender) return failure_of(sender);
  sender_.emplace(std::move(*sender));
  for (auto const port : left.ports) {
    // One that cannot be used any more is not ours to worry about until somebody asks for it.
    if (port != config_.udp_port) (void)ports_.open(port, programs_, older_programs_);
  }
  if (auto opened = ports_.open(config_.udp_port, programs_, older_programs_); !opened) return opened;
  auto conf = conf_;
  conf.vxlan_ifindex = ports_.primary();
  return configure(conf);
}

Result<void> BpfFastPath::configure(::weave_conf const& conf) {
  if (conf.own_id == conf_.own_id && conf.vxlan_ifindex == conf_.vxlan_ifindex &&
      conf.user_ifindex == conf_.user_ifindex) {
    return {};
  }
  auto written = maps_.write_configuration(conf);
  if (written) conf_ = conf;
  return written;
}

void BpfFastPath::start(FastPathEvents events) {
  events_ = std::move(events);
  auto reader =
      ArrivalReader::open(programs_, config_.watcher, [this](::weave_arrival const& arrival) { on_arrival(arrival); });
  if (reader) {
    reader_ = std::move(*reader);
    schedule_check();
    return;
  }
  config_.scheduler.post([fail = events_.on_failed, error = reader.error()] {
    if (fail) fail(error);
  });
}

std::optional<TimePoint> time_of(::weave_arrival const& arrival) {
  if (arrival.at == 0) return std::nullopt;
  // The kernel's monotonic clock is that of the library.
  return TimePoint{std::chrono::nanoseconds{arrival.at}};
}

void BpfFastPath::on_arrival(::weave_arrival const& arrival) {
  if (!events_.on_heartbeat) return;
  events_.on_heartbeat({.ids = TunnelId::of_vni(arrival.vni),
                        .remote = Ipv4Address{arrival.remote},
                        .udp_port = ports_.port_of(arrival.ifindex),
                        .length = arrival.length,
                        .head = Bytes{arrival.head, arrival.head + arrival.head_length},
                        .at = time_of(arrival)});
}

Result<void> BpfFastPath::attach_user_port(std::string const& device) {
  if (auto opened = ports_.open_user(device, programs_); !opened) return opened;
  auto conf = conf_;
  conf.user_ifindex = ports_.user();
  return configure(conf);
}

Result<void> BpfFastPath::open_tunnel_port(std::uint16_t udp_port) {
  if (ports_.device_of(udp_port) != 0) return {};
  if (auto opened = ports_.open(udp_port, programs_); !opened) return opened;
  install();
  return {};
}

void BpfFastPath::apply(std::shared_ptr<ForwardingState const> state) {
  if (!state) return;
  state_ = std::move(state);
  macs_.rename(*state_);
  install();
}

void BpfFastPath::install() {
  if (!state_) return;
  auto wanted = wanted_entries(*state_, [this](std::uint16_t port) { return ports_.device_of(port); });
  if (state_->settling) keep_unmet(wanted, table_->installed(), *state_);
  auto outcome = table_->bring_to(wanted);
  auto conf = conf_;
  conf.own_id = static_cast<std::uint32_t>(state_->self_id);
  if (auto const configured = configure(conf); outcome) outcome = configured;
  if (older_programs_) replace_programs();
  say(outcome);
  warn_of_long_lists();
}

void BpfFastPath::warn_of_long_lists() {
  auto const limit = programs_.longest_list();
  bool const found =
      std::ranges::any_of(table_->installed().floods, [&](auto const& flood) { return flood.second.size() > limit; });
  if (found && !said_long_lists_) {
    config_.logger.warning("the kernel cannot copy a broadcast to more than {} neighbours, the others do not get it",
                           limit);
  }
  said_long_lists_ = found;
}

void BpfFastPath::say(Result<void> const& outcome) {
  retry_ = !outcome;
  auto const text = outcome ? std::string{} : outcome.error().text();
  if (text == said_) return;
  said_ = text;
  if (!outcome) config_.logger.error("kernel forwarding is not complete, trying again: {}", text);
}

void BpfFastPath::replace_programs() {
  if (auto const replaced = ports_.attach_all(programs_); !replaced) {
    config_.logger.error("cannot replace BPF programs of another version: {}", replaced.error().text());
    return;
  }
  older_programs_ = false;
}

Result<void> BpfFastPath::send_heartbeat(TunnelEndpoints const& endpoints, TunnelId ids, ByteView frame) {
  auto const device = ports_.device_of(endpoints.udp_port);
  if (device == 0) return failure(ErrorKind::not_found, fmt::format("UDP port {} is not open", endpoints.udp_port));
  return sender_->send(device, endpoints, ids, frame);
}

Result<std::vector<FlowDescription>> BpfFastPath::flows() {
  FlowSource source;
  source.own = ShortId{static_cast<std::uint16_t>(conf_.own_id & WEAVE_ID_MASK)};
  source.bridge = config_.bridge;
  source.user_port = ports_.user_name();
  source.entries = table_->installed();
  source.macs = macs_.by_id();
  source.device_name = [this](std::uint32_t ifindex) { return vxlan_device_name(ports_.port_of(ifindex)); };
  for (auto const& [id, route] : source.entries.routes) {
    auto const traffic = maps_.traffic(id);
    if (!traffic) return failure_of(traffic);
    source.counters[id] = {.sent_packets = traffic->sent_packets,
                           .sent_bytes = traffic->sent_bytes,
                           .received_packets = traffic->received_packets,
                           .received_bytes = traffic->received_bytes,
                           .relayed_packets = traffic->relayed_packets,
                           .relayed_bytes = traffic->relayed_bytes};
  }
  auto const events = maps_.events();
  if (!events) return failure_of(events);
  source.flooded_packets = (*events)[WEAVE_FLOODED_PACKETS];
  source.flooded_bytes = (*events)[WEAVE_FLOODED_BYTES];
  return describe_flows(source);
}

std::vector<std::pair<std::string, std::uint64_t>> BpfFastPath::statistics() {
  std::vector<std::pair<std::string, std::uint64_t>> all{{"MapWrites", maps_.writes()}};
  auto const events = maps_.events();
  if (!events) return all;
  for (auto const& [event, name] : kEventNames) all.emplace_back(name, (*events)[event]);
  return all;
}

void BpfFastPath::schedule_check() {
  check_timer_ = config_.scheduler.after(kCheckInterval, [this] { check(); });
}

void BpfFastPath::check() {
  // Until they are replaced, older programs stay as they are.
  if (!older_programs_ && ports_.check(programs_)) {
    auto conf = conf_;
    conf.vxlan_ifindex = ports_.primary();
    say(configure(conf));
    retry_ = true;
  }
  if (retry_ || older_programs_) install();
  if (has_failed()) return;
  schedule_check();
}

bool BpfFastPath::has_failed() {
  auto const& trouble = ports_.trouble();
  if (trouble.checks < kChecksUntilFailed || !config_.links.find(config_.bridge)) return false;
  reader_.reset();
  if (events_.on_failed) events_.on_failed({ErrorKind::unavailable, trouble.why});
  return true;
}

} // namespace

Result<std::unique_ptr<FastPath>> open_bpf_fast_path(BpfFastPathConfig config) {
  auto const bridge = config.links.find(config.bridge);
  if (!bridge) return failure_of(bridge);
  auto left = find_left_behind(config.links, config.udp_port);
  if (!left) return failure_of(left);
  auto programs = left->adoptable ? KernelPrograms::load(left->maps) : KernelPrograms::load();
  if (!programs) return failure_of(programs);
  auto path = std::make_unique<BpfFastPath>(std::move(config), std::move(*programs));
  if (auto const prepared = path->prepare(*left); !prepared) return failure_of(prepared);
  return path;
}

} // namespace weave::datapath::bpf
