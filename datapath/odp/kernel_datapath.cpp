#include "datapath/odp/kernel_datapath.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/openvswitch.h>
#include <unistd.h>
#include <utility>

#include "datapath/odp/packet_codec.hpp"
#include "datapath/odp/vport_codec.hpp"

namespace weave::datapath::odp {

namespace {

// The largest packet that the kernel hands over, after segmentation, with its key.
constexpr std::size_t kUpcallMessage = 68 * 1024;
constexpr unsigned kUpcallBatch = 16;
constexpr std::size_t kNewsQueue = 1024 * 1024;
constexpr std::size_t kNewsMessage = 4096;
constexpr unsigned kNewsBatch = 16;

UpcallSettings settings_for(std::uint32_t pid, bool per_cpu) {
  UpcallSettings settings{.features = kFeatureUnaligned | kFeatureVportPids};
  if (!per_cpu) return settings;
  settings.features |= kFeaturePerCpuDispatch;
  settings.per_cpu_pids.assign(static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_CONF))), pid);
  return settings;
}

bool is_not_found(Error const& error) { return error.kind() == ErrorKind::not_found; }

} // namespace

KernelDatapath::KernelDatapath(Sockets sockets, FdWatcher& watcher, Logger logger)
    : requests_{std::move(sockets.requests)},
      upcalls_{std::move(sockets.upcalls)},
      news_{std::move(sockets.news)},
      watcher_{watcher},
      logger_{std::move(logger)} {}

Result<std::unique_ptr<KernelDatapath>> KernelDatapath::open(std::string const& name, FdWatcher& watcher,
                                                             KernelDatapathOptions options) {
  auto requests = KernelRequests::open();
  if (!requests) return failure_of(requests);
  auto upcalls =
      netlink::ReceivingSocket::open({.queue = options.upcall_queue, .message = kUpcallMessage, .batch = kUpcallBatch});
  if (!upcalls) return failure_of(upcalls);
  auto news = netlink::ReceivingSocket::open({.queue = kNewsQueue, .message = kNewsMessage, .batch = kNewsBatch});
  if (!news) return failure_of(news);
  std::unique_ptr<KernelDatapath> datapath{new KernelDatapath{
      {std::move(*requests), std::move(*upcalls), std::move(*news)}, watcher, std::move(options.logger)}};
  if (auto const taken = datapath->take(name); !taken) return failure_of(taken);
  return datapath;
}

Result<void> KernelDatapath::remove(std::string const& name) {
  auto requests = KernelRequests::open();
  if (!requests) return is_not_found(requests.error()) ? Result<void>{} : failure_of(requests);
  auto const found = requests->find(name);
  if (!found) return is_not_found(found.error()) ? Result<void>{} : failure_of(found);
  auto const destroyed = requests->destroy(found->index);
  if (!destroyed && !is_not_found(destroyed.error())) return destroyed;
  return {};
}

Result<void> KernelDatapath::remove_all_flows(std::string const& name) {
  auto requests = KernelRequests::open();
  if (!requests) return is_not_found(requests.error()) ? Result<void>{} : failure_of(requests);
  auto const found = requests->find(name);
  if (!found) return is_not_found(found.error()) ? Result<void>{} : failure_of(found);
  return requests->remove_all_flows(found->index);
}

/// Makes the datapath ours.
Result<void> KernelDatapath::take(std::string const& name) {
  auto found = requests_.find(name);
  if (!found && is_not_found(found.error())) {
    settings_ = settings_for(upcalls_.port(), true);
    found = requests_.create(name, upcalls_.port(), settings_);
    if (!found) {
      settings_ = settings_for(upcalls_.port(), false);
      found = requests_.create(name, upcalls_.port(), settings_);
    }
  }
  if (!found) {
    // Another process may have been faster.
    auto const made_meanwhile = requests_.find(name);
    if (!made_meanwhile) return failure_of(found);
    found = made_meanwhile;
  }
  index_ = found->index;
  auto const configured = configure();
  return configured ? Result<void>{} : failure_of(configured);
}

/// By processor where this kernel can, Linux 5.15 and later.
Result<DatapathDescription> KernelDatapath::configure() {
  settings_ = settings_for(upcalls_.port(), true);
  auto const configured = requests_.configure(index_, settings_);
  if (configured || is_not_found(configured.error())) return configured;
  settings_ = settings_for(upcalls_.port(), false);
  return requests_.configure(index_, settings_);
}

Result<void> KernelDatapath::start(DatapathEvents events) {
  events_ = std::move(events);
  auto const& families = requests_.families();
  for (auto const group : {families.datapath_group, families.vport_group}) {
    if (auto const joined = news_.join(group); !joined) return joined;
  }
  if (auto const looked = look_again(false); !looked) return looked;
  watches_.push_back(watcher_.watch_readable(upcalls_.fd(), [this] { on_upcalls_readable(); }));
  watches_.push_back(watcher_.watch_readable(news_.fd(), [this] { on_news_readable(); }));
  return {};
}

Result<void> KernelDatapath::check() const {
  if (deleted_) return failure(ErrorKind::not_found, "the datapath does not exist any more");
  return {};
}

bool KernelDatapath::is_gone() {
  auto const found = requests_.find(index_);
  return !found && is_not_found(found.error());
}

Result<std::vector<Vport>> KernelDatapath::ports() {
  if (auto const possible = check(); !possible) return failure_of(possible);
  return requests_.vports(index_);
}

Result<Vport> KernelDatapath::add_port(VportSpec const& spec) {
  if (auto const possible = check(); !possible) return failure_of(possible);
  auto added = requests_.add_vport(index_, spec, upcalls_.port());
  if (!added || spec.type != VportType::vxlan || !requests_.is_device_down(spec.name)) return added;
  // Some kernels report success although the UDP port is somebody else's; only the device shows it.
  (void)requests_.remove_vport(index_, added->number);
  return failure(ErrorKind::already_exists, "add port " + spec.name + " to the datapath: its UDP port is in use");
}

Result<void> KernelDatapath::remove_port(PortNo port) {
  if (auto const possible = check(); !possible) return possible;
  auto const removed = requests_.remove_vport(index_, port);
  if (!removed && is_not_found(removed.error()) && !is_gone()) return {};
  return removed;
}

Result<std::vector<Flow>> KernelDatapath::flows() {
  if (auto const possible = check(); !possible) return failure_of(possible);
  std::size_t undecoded = 0;
  auto all = requests_.flows(index_, undecoded);
  if (undecoded > 0) logger_.warning("Open vSwitch told {} flows in a form that is not known here", undecoded);
  return all;
}

Result<void> KernelDatapath::put_flow(Flow const& flow) {
  if (auto const possible = check(); !possible) return possible;
  auto const created = requests_.create_flow(index_, flow);
  if (created || requests_.socket().last_error() != EEXIST) return created;
  // By its identifier: a flow that the kernel looks up by a key without EtherType is never found to be the same.
  auto const changed = requests_.change_flow(index_, flow);
  if (changed || requests_.socket().last_error() != ENOENT) return changed;
  return failure(ErrorKind::already_exists, "install a flow: another flow serves such packets");
}

Result<void> KernelDatapath::remove_flow(Flow const& flow) {
  if (auto const possible = check(); !possible) return possible;
  auto const removed = requests_.remove_flow(index_, flow);
  if (!removed && requests_.socket().last_error() == ENOENT) return {};
  return removed;
}

Result<void> KernelDatapath::execute(ByteView packet, Actions const& actions) {
  if (auto const possible = check(); !possible) return possible;
  return requests_.execute(index_, packet, actions);
}

Result<DatapathStats> KernelDatapath::statistics() {
  if (auto const possible = check(); !possible) return failure_of(possible);
  auto const found = requests_.find(index_);
  if (!found) return failure_of(found);
  return found->stats;
}

Result<void> KernelDatapath::look_again(bool announce) {
  auto const found = requests_.find(index_);
  if (!found) return failure_of(found);
  if (found->features != settings_.features) {
    if (auto const configured = configure(); !configured) return failure_of(configured);
  }
  auto const present = requests_.vports(index_);
  if (!present) return failure_of(present);
  std::weak_ptr const alive = alive_;
  forget_missing(*present, announce);
  for (auto const& port : *present) {
    if (alive.expired()) return {};
    take_packets_of(port);
    remember(port, announce);
  }
  return {};
}

void KernelDatapath::take_packets_of(Vport const& port) {
  if (port.upcall_pids == std::vector{upcalls_.port()}) return;
  auto const taken = requests_.set_upcall_pid(index_, port.number, upcalls_.port());
  if (!taken && !is_not_found(taken.error())) logger_.warning("{}: {}", port.name, taken.error().text());
}

void KernelDatapath::forget_missing(std::vector<Vport> const& present, bool announce) {
  std::vector<PortNo> missing;
  for (auto const& [number, port] : known_) {
    auto const found = std::ranges::find(present, number, &Vport::number);
    if (found == present.end() || found->name != port.name) missing.push_back(number);
  }
  std::weak_ptr const alive = alive_;
  for (auto const number : missing) {
    if (alive.expired()) return;
    forget(number, announce);
  }
}

void KernelDatapath::remember(Vport const& port, bool announce) {
  auto const known = known_.find(port.number);
  if (known != known_.end() && known->second.name == port.name) {
    known->second = port;
    return;
  }
  std::weak_ptr const alive = alive_;
  if (known != known_.end()) forget(port.number, announce);
  if (alive.expired()) return;
  known_.emplace(port.number, port);
  if (announce && events_.on_port_added) events_.on_port_added(port);
}

void KernelDatapath::forget(PortNo port, bool announce) {
  auto const node = known_.extract(port);
  if (node.empty()) return;
  if (announce && events_.on_port_removed) events_.on_port_removed(node.mapped());
}

/// The last that is heard of this datapath.
void KernelDatapath::end(std::string const& why) {
  if (std::exchange(deleted_, true)) return;
  logger_.error("{}", why);
  watches_.clear();
  if (events_.on_deleted) events_.on_deleted();
}

void KernelDatapath::on_upcalls_readable() {
  auto const outcome = upcalls_.receive([this, alive = std::weak_ptr{alive_}](netlink::Message const& message) {
    on_upcall(message);
    return !alive.expired() && !deleted_;
  });
  if (!outcome) return end(outcome.error().text());
  if (*outcome == netlink::ReceivingSocket::Outcome::overrun) on_overrun(false);
}

void KernelDatapath::on_news_readable() {
  auto const outcome = news_.receive([this, alive = std::weak_ptr{alive_}](netlink::Message const& message) {
    on_news(message);
    return !alive.expired() && !deleted_;
  });
  if (!outcome) return end(outcome.error().text());
  if (*outcome == netlink::ReceivingSocket::Outcome::overrun) on_overrun(true);
}

void KernelDatapath::on_upcall(netlink::Message const& message) {
  if (message.type != requests_.families().packet) return;
  auto const ovs = decode_ovs(message);
  if (!ovs || ovs->datapath != index_) return;
  auto const upcall = decode_upcall(*ovs);
  if (upcall && events_.on_upcall) events_.on_upcall(*upcall);
}

void KernelDatapath::on_news(netlink::Message const& message) {
  auto const ovs = decode_ovs(message);
  if (!ovs || ovs->datapath != index_) return;
  if (message.type == requests_.families().datapath) on_datapath_news(message, *ovs);
  if (message.type == requests_.families().vport) on_vport_news(*ovs);
}

void KernelDatapath::on_datapath_news(netlink::Message const& message, OvsMessage const& news) {
  if (news.command == OVS_DP_CMD_DEL) return end("The Open vSwitch datapath was deleted");
  auto const description = decode_datapath(news);
  if (!description || message.port == requests_.socket().port() || description->features == settings_.features) return;
  logger_.info("Somebody changed how Open vSwitch hands over packets; setting it again");
  if (auto const configured = configure(); !configured) logger_.error("{}", configured.error().text());
}

void KernelDatapath::on_vport_news(OvsMessage const& news) {
  auto const port = decode_vport(news);
  if (!port) return;
  auto const known = known_.find(port->number);
  auto const is_known = known != known_.end() && known->second.name == port->name;
  if (news.command == OVS_VPORT_CMD_DEL) {
    if (is_known) forget(port->number, true);
    return;
  }
  // Not those of a port that another process of ours has taken meanwhile.
  if (!is_known) take_packets_of(*port);
  remember(*port, true);
}

void KernelDatapath::on_overrun(bool of_news) {
  logger_.warning("Open vSwitch told more than could be taken in time; {} packets were lost so far", upcalls_.lost());
  std::weak_ptr const alive = alive_;
  if (of_news) {
    auto const looked = look_again(true);
    if (alive.expired()) return;
    if (!looked && is_gone()) return end("The Open vSwitch datapath was deleted");
    if (!looked) logger_.error("{}", looked.error().text());
  }
  if (events_.on_overrun) events_.on_overrun();
}

} // namespace weave::datapath::odp
