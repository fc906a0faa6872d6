#include "controller/app/application.hpp"

#include <algorithm>
#include <csignal>
#include <exception>
#include <filesystem>
#include <iterator>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "controller/api/control_routes.hpp"
#include "controller/app/firewall_ports.hpp"
#include "controller/app/host_facts.hpp"
#include "controller/app/identity.hpp"
#include "controller/app/mark_file.hpp"
#include "controller/app/metric_samples.hpp"
#include "controller/app/original_import.hpp"
#include "controller/app/original_remains.hpp"
#include "controller/app/ring_formation.hpp"
#include "controller/app/status_assembly.hpp"

namespace weave::controller {

Application::Application(Options options, Logger logger) : options_{std::move(options)}, logger_{std::move(logger)} {}

Application::~Application() { stop(); }

Result<int> Application::run() {
  if (auto const built = build(); !built) return failure_of(built);
  if (auto const started = start(); !started) return failure_of(started);
  while (!context_.stopped()) {
    try {
      context_.run();
    } catch (std::exception const& error) {
      // One bad event must not end the others; the handler that threw has lost its own work only.
      logger_.error("unexpected: {}", error.what());
    }
  }
  stop();
  if (failure_) return std::unexpected{*failure_};
  return 0;
}

Result<void> Application::build() {
  if (auto built = build_store(); !built) return built;
  name_ = choose_name();
  logger_.info("Our name is {}({})", name_.to_string(), options_.nickname);
  if (auto const& range = options_.ipalloc_range) {
    auto free = check_range(*range, options_.ipalloc_range_given, options_.weave_bridge, logger_);
    if (!free) return free;
  }
  if (auto built = build_keys(); !built) return built;
  if (auto built = build_data_plane(); !built) return built;
  // Until then nothing of this host has been changed, and the next start looks for an original's data again.
  if (auto saved = store_->set_peer_name(name_); !saved) return saved;
  build_mesh();
  if (auto built = build_containers(); !built) return built;
  if (auto built = build_ipam(); !built) return built;
  if (auto built = build_docker(); !built) return built;
  if (auto built = build_dns(); !built) return built;
  if (auto built = build_attachments(); !built) return built;
  return build_api();
}

Result<void> Application::build_store() {
  auto store = StoreService::open(options_.database());
  if (!store) return failure_of(store);
  store_ = std::move(*store);
  return import_state();
}

Result<void> Application::import_state() {
  auto const& range = options_.ipalloc_range;
  auto const imported = import_original({.file = options_.import_file,
                                         .state_dir = options_.state_dir,
                                         .host_root = options_.host_root,
                                         .engine = options_.docker_api,
                                         .name = options_.name,
                                         .bridge_name = peer_name_of_bridge(options_.weave_bridge),
                                         .universe = range ? std::optional{range->range()} : std::nullopt},
                                        *store_, logger_);
  if (!imported) return failure_of(imported);
  imported_ = *imported;
  return {};
}

PeerName Application::choose_name() {
  auto name = options_.name;
  if (!name) name = store_->peer_name();
  if (!name) name = peer_name_of_bridge(options_.weave_bridge);
  if (!name) name = peer_name_of_host(options_.host_root.empty() ? "/" : options_.host_root, random_);
  return *name;
}

Result<void> Application::build_keys() {
  auto keys = keys_of(options_);
  if (!keys) return failure_of(keys);
  make_keys_ = *std::move(keys);
  options_.password.reset();
  return {};
}

Result<void> Application::build_data_plane() {
  auto plane =
      DataPlane::create({.name = name_,
                         .bridge = options_.weave_bridge,
                         .mtu = options_.mtu,
                         .fast_path = options_.fast_path,
                         .bridged = options_.bridged_fastdp,
                         .datapath = options_.datapath,
                         .encrypted = make_keys_ != nullptr,
                         .listen = {options_.host.value_or(Ipv4Address{}), options_.port}},
                        {.scheduler = scheduler_,
                         .watcher = watcher_,
                         .logger = logger_,
                         .short_id_of = [this](PeerName peer) { return short_id_of(peer); },
                         .post = [this](std::function<void()> call) { boost::asio::post(context_, std::move(call)); },
                         .on_failed = [this](Error error) { fail(std::move(error)); }});
  if (!plane) return failure_of(plane);
  plane_ = std::move(*plane);
  return build_host_services();
}

/// What `weave attach` and `weave expose` change on this host.
Result<void> Application::build_host_services() {
  auto stored = parse_exposures(store_->exposures());
  if (!stored) return failure(stored.error().kind(), fmt::format("state file: {}", stored.error().text()));
  if (options_.no_masq_local && options_.ipalloc_range) {
    local_ranges_ = make_local_ranges(scheduler_, logger_, [this](auto cidrs) { expose_->spare(std::move(cidrs)); });
  }
  auto expose = ExposeService::create(
      {.firewall = firewall_of(options_, std::string{local_ranges_ ? kLocalSet : std::string_view{}}),
       .exposures = *std::move(stored)},
      {.scheduler = scheduler_,
       .watcher = watcher_,
       .worker = worker_,
       .save = [this](auto const& exposures) { return store_->set_exposures(to_text(exposures)); },
       .logger = logger_});
  if (!expose) return failure_of(expose);
  expose_ = std::move(*expose);
  expose_->start();
  remove_original_remains(
      worker_, {.bridge = options_.weave_bridge, .docker_bridge = options_.docker_bridge, .port = options_.port},
      logger_);
  if (options_.docker_api.empty()) return {};
  auto attach = AttachService::create(
      {.engine = options_.docker_api, .bridge = options_.weave_bridge},
      {.context = context_, .sandboxes = plane_->sandboxes(), .worker = worker_, .logger = logger_});
  if (!attach) return failure_of(attach);
  attach_ = std::move(*attach);
  return {};
}

void Application::build_mesh() {
  auto const host = options_.host ? options_.host->to_string() : std::string{};
  transport_ = std::make_unique<gossip::TcpTransport>(context_.get_executor(), host, logger_);
  mesh_ = std::make_unique<gossip::MeshRouter>(
      gossip::MeshSettings{.name = name_,
                           .nickname = options_.nickname,
                           .short_id = store_->short_id(),
                           .port = options_.port,
                           .host = host,
                           .connection_limit = options_.conn_limit,
                           .discovery = !options_.no_discovery,
                           .min_protocol_version = static_cast<std::uint8_t>(options_.min_protocol_version),
                           .trusted_subnets = options_.trusted_subnets,
                           .require_encryption = options_.require_encryption,
                           .make_keys = make_keys_},
      gossip::MeshPorts{
          .scheduler = scheduler_, .random = random_, .transport = *transport_, .overlay = plane_->overlay()},
      logger_);
  mesh_->add_listeners({.on_peer_collected =
                            [this](PeerName peer) {
                              plane_->forget_peer(peer);
                              if (allocator_) allocator_->on_peer_gone(peer);
                              tell_short_ids();
                            },
                        .on_routes_changed =
                            [this](auto routes) {
                              tell_short_ids();
                              plane_->set_routes(std::move(routes));
                            },
                        .on_short_id_invalidated = [this](ShortId) { tell_short_ids(); },
                        .on_targets_changed =
                            [this] {
                              if (auto const saved = store_->set_targets(mesh_->targets()); !saved) {
                                logger_.error("saving the list of peers: {}", saved.error().text());
                              }
                            }});
  tell_short_ids();
  targets_ = choose_targets();
  mesh_view_ = std::make_unique<MeshKnowledge>(*mesh_, targets_);
}

std::optional<ShortId> Application::short_id_of(PeerName peer) const {
  auto const* const known = mesh_->find_peer(peer);
  if (known == nullptr || !known->short_id || mesh_->peer_by_short_id(*known->short_id) != peer) return std::nullopt;
  return known->short_id;
}

void Application::tell_short_ids() {
  auto const own = mesh_->short_id();
  if (!own) return;
  if (auto const saved = store_->set_short_id(*own); !saved) {
    logger_.error("saving the short id: {}", saved.error().text());
  }
  plane_->set_short_ids(*own, mesh_->short_ids());
}

std::vector<std::string> Application::choose_targets() {
  if (options_.resume || std::filesystem::exists(options_.restart_mark())) {
    auto targets = store_->targets();
    logger_.info("Restart/resume detected - using persisted peer list: [{}]", fmt::join(targets, " "));
    return targets;
  }
  if (imported_ && options_.peers.empty()) {
    logger_.info("Import detected - using imported peer list: [{}]", fmt::join(store_->targets(), " "));
    return store_->targets();
  }
  logger_.info("Launch detected - using supplied peer list: [{}]", fmt::join(options_.peers, " "));
  return options_.peers;
}

Result<void> Application::build_containers() {
  if (options_.docker_api.empty()) return {};
  auto drivers = driver_names(options_.plugin_socket, options_.plugin_mesh_socket);
  auto containers = ContainerService::create(
      {.engine = options_.docker_api, .domain = options_.dns_domain, .drivers = std::move(drivers)},
      {.context = context_, .scheduler = scheduler_, .logger = logger_});
  if (!containers) return failure_of(containers);
  containers_ = std::move(*containers);
  return {};
}

Result<void> Application::build_ipam() {
  if (!options_.ipalloc_range) return {};
  ipam::AllocatorConfig const config{
      .self = name_,
      .nickname = options_.nickname,
      .uid = mesh_->uid(),
      .universe = *options_.ipalloc_range,
      .default_subnet = options_.ipalloc_default_subnet.value_or(*options_.ipalloc_range),
      .formation = formation_of(options_.ipalloc_init),
      .quorum = [this] {
        return ipam::quorum_of(formation_of(options_.ipalloc_init),
                               static_cast<std::uint32_t>(count_other_hosts(targets_)));
      }};
  if (auto valid = ipam::validate(config); !valid) return valid;
  allocator_ = std::make_unique<ipam::Allocator>(config, ipam::AllocatorPorts{.scheduler = scheduler_,
                                                                              .random = random_,
                                                                              .mesh = *mesh_view_,
                                                                              .store = store_->ipam(),
                                                                              .log = logger_,
                                                                              .tracker = local_ranges_.get()});
  allocator_->attach(mesh_->register_channel(std::string{ipam::kChannelName}, *allocator_));
  auto const restored = allocator_->restore();
  if (!restored) return failure_of(restored);
  allocator_->reclaim(exposed_addresses(options_.weave_bridge, allocator_->owned()));
  hand_filed_.emplace(store_->hand_filed(), [this](std::string const& text) { return store_->set_hand_filed(text); });
  control_addresses_ = std::make_unique<ControlAddresses>(
      *allocator_, gate_, *hand_filed_, [this](std::string const& id, std::function<void(bool)> done) {
        if (!containers_) return done(true);
        containers_->check_running(id, std::move(done));
      });
  if (containers_) follow_containers(!*restored);
  return {};
}

void Application::follow_containers(bool memory_lost) {
  port_mtu_ = std::make_unique<PortMtu>(
      options_.weave_bridge, PortMtu::Ports{.engine = containers_->engine(), .worker = worker_, .logger = logger_});
  attached_addresses_ = std::make_unique<AttachedAddresses>(containers_->engine(), worker_, logger_);
  container_addresses_ = std::make_unique<ContainerAddresses>(
      ContainerAddresses::Config{.drivers = driver_names(options_.plugin_socket, options_.plugin_mesh_socket),
                                 .memory_lost = memory_lost},
      ContainerAddresses::Ports{.scheduler = scheduler_,
                                .engine = containers_->engine(),
                                .allocator = *allocator_,
                                .gate = gate_,
                                .find_attached =
                                    [this](auto const& ids, auto done) {
                                      attached_addresses_->find(ids, [this, done = std::move(done)](auto found) {
                                        if (attachments_) attachments_->adopt(found);
                                        done(std::move(found));
                                      });
                                    },
                                .is_known_use =
                                    [this](Ipv4Address address) {
                                      return hand_filed_->contains(address) ||
                                             (docker_ && docker_->has_endpoint(address));
                                    },
                                .logger = logger_});
  // What is in use here may not be given to another peer either.
  allocator_->hold_donations(gate_.closed());
  gate_.pass([this] { allocator_->hold_donations(false); });
  container_addresses_->watch([this](EngineSurvey const& survey) {
    if (docker_) docker_->learn_networks(survey);
    port_mtu_->fit(alive_containers(survey));
    if (attachments_) attachments_->forget_if([&](auto const& id) { return life_of(survey, id) == Life::gone; });
  });
  containers_->tell(*container_addresses_);
}

Result<void> Application::build_docker() {
  bool const is_off =
      std::filesystem::exists(options_.restart_mark()) && std::filesystem::exists(options_.plugin_off_mark());
  if (!is_off) (void)remove_mark(options_.plugin_off_mark());
  auto docker = DockerService::create(
      {.weave_socket = options_.plugin_socket,
       .mesh_socket = options_.plugin_mesh_socket,
       .inherited = std::move(inherited_),
       .weave_reach = options_.plugin_reach,
       .multicast_route = !options_.no_multicast_route,
       .engine = options_.docker_api,
       .bridge = options_.weave_bridge,
       .universe = options_.ipalloc_range,
       .enabled = options_.plugin && !is_off,
       .dns = options_.dns,
       .remember = [mark = options_.plugin_off_mark()](bool on) { return on ? remove_mark(mark) : make_mark(mark); },
       .isolation_impossible = plane_->isolation_obstacle()},
      {.context = context_,
       .scheduler = scheduler_,
       .watcher = watcher_,
       .sandboxes = plane_->sandboxes(),
       .store = store_->drivers(),
       .allocator = allocator_.get(),
       .gate = gate_,
       .hooks = {.waiting_for = [this] { return mesh_view_->initial_peers(); },
                 .touched =
                     [this](Ipv4Address address) {
                       if (container_addresses_) container_addresses_->touch(address);
                     }},
       .logger = logger_});
  if (!docker) return failure_of(docker);
  docker_ = std::move(*docker);
  return {};
}

Result<void> Application::build_dns() {
  if (!options_.dns) return {};
  auto dns = DnsService::create({.self = name_,
                                 .domain = options_.dns_domain,
                                 .listen = options_.dns_listen,
                                 .docker_bridge = options_.docker_bridge,
                                 .ttl = options_.dns_ttl,
                                 .fallback_timeout = options_.dns_fallback_timeout,
                                 .resolv_conf = options_.resolv_conf},
                                {.context = context_,
                                 .scheduler = scheduler_,
                                 .random = random_,
                                 .mesh = *mesh_,
                                 .store = store_->names(),
                                 .containers = containers_.get(),
                                 .logger = logger_});
  if (!dns) return failure_of(dns);
  dns_ = std::move(*dns);
  return {};
}

Result<void> Application::build_attachments() {
  if (!attach_) return {};
  auto stored = parse_attachments(store_->attachments());
  if (!stored) return failure(stored.error().kind(), fmt::format("state file: {}", stored.error().text()));
  attachments_ = std::make_unique<AttachmentKeeper>(
      *std::move(stored),
      AttachmentKeeper::Ports{.interfaces = *attach_,
                              .save = [this](std::string const& text) { return store_->set_attachments(text); },
                              .claim =
                                  [this](std::string const& id, Ipv4Cidr cidr, api::Completion<void> done) {
                                    if (!control_addresses_) return done({});
                                    (void)control_addresses_->claim(id, cidr, true, true, AttachmentKeeper::kClaimLimit,
                                                                    std::move(done));
                                  },
                              .name =
                                  [this](std::string const& id, Ipv4Address address, std::string const& fqdn) {
                                    if (dns_) dns_->names().add(id, address, fqdn, true, [](auto const&) {});
                                  },
                              .logger = logger_});
  containers_->tell(*attachments_);
  return {};
}

Result<void> Application::build_api() {
  if (control_addresses_ && local_ranges_) control_addresses_->name_tracker(kLocalTracker);
  auto const control = api::control_routes({.daemon = this,
                                            .addresses = control_addresses_.get(),
                                            .docker_network = docker_.get(),
                                            .names = dns_ ? &dns_->names() : nullptr,
                                            .attach = attachments_.get(),
                                            .expose = expose_.get()});
  api_ = std::make_unique<ApiServers>(context_, logger_);
  return api_->open({.control_socket = options_.control_socket(),
                     .control = options_.http_addr,
                     .status = options_.status_addr,
                     .metrics = options_.metrics_addr},
                    {.control = control, .status = api::status_routes(*this), .metrics = api::metrics_routes(*this)});
}

Result<void> Application::start() {
  if (containers_) containers_->start();
  if (allocator_) allocator_->start();
  if (dns_) {
    if (auto started = dns_->start(); !started) return started;
  }
  if (auto started = mesh_->start(); !started) return started;
  for (auto const& error : mesh_->initiate(targets_, true)) logger_.error("{}", error.text());
  watch_signals();
  // From here on a start counts as a restart, which keeps what connect and forget have changed.
  (void)make_mark(options_.restart_mark());
  end_start_limit();
  notify_service_manager("READY=1");
  watchdog_.start();
  return {};
}

void Application::watch_signals() {
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.async_wait([this](boost::system::error_code const& error, int) {
    if (error) return;
    logger_.info("=== received SIGINT/SIGTERM ===");
    logger_.info("*** exiting");
    context_.stop();
  });
  state_dump_.emplace(
      context_, [this] { return report(); }, logger_);
}

void Application::fail(Error error) {
  failure_ = std::move(error);
  context_.stop();
}

void Application::stop() {
  notify_service_manager("STOPPING=1");
  if (plane_) plane_->leave();
  if (expose_) expose_->stop();
  api_.reset();
  if (containers_) containers_->stop();
  if (dns_) dns_->stop();
  if (docker_) docker_->stop();
  if (mesh_) mesh_->stop();
}

api::StatusReport Application::report() const {
  api::StatusReport report{};
  report.version = api::version();
  auto const mesh = mesh_->status();
  report.router = router_status(mesh);
  add_data_plane(*report.router, *plane_, mesh, scheduler_.now(), scheduler_.wall_now());
  if (allocator_) {
    report.ipam = ipam_status(allocator_->status());
    if (local_ranges_) report.ipam->tracker = kLocalTracker;
    report.ipam->waiting_for = report.ipam->paxos ? mesh_view_->initial_peers() : std::string{};
  }
  if (dns_) {
    report.dns = dns_->status();
    if (auto const reason = dns_->not_ready()) report.not_ready_reasons.push_back(*reason);
  }
  if (docker_) {
    report.plugin = docker_->status();
    if (containers_ && report.plugin) report.plugin->engine_obstacle = containers_->status().reason;
    if (auto const reason = docker_->not_ready()) report.not_ready_reasons.push_back(*reason);
  }
  report.host = host_status(*store_, *plane_, *expose_);
  if (dns_) report.host.clock_obstacle = clock_text(dns_->wrong_clocks());
  if (expose_) report.firewall = expose_->remarks();
  report.ready = report.not_ready_reasons.empty();
  return report;
}

std::vector<api::MetricSample> Application::samples() const {
  auto samples = sleeve_samples(plane_->counters());
  if (auto* const fast_path = plane_->fast_path()) {
    std::ranges::move(fast_path_samples(fast_path->statistics()), std::back_inserter(samples));
  }
  std::ranges::move(path_samples(plane_->paths()), std::back_inserter(samples));
  if (dns_) std::ranges::move(dns_->samples(), std::back_inserter(samples));
  std::ranges::move(device_samples(device_table(), plane_->bridge()), std::back_inserter(samples));
  std::ranges::move(process_samples(process_facts()), std::back_inserter(samples));
  return samples;
}

Result<std::optional<api::FastPathStatus>> Application::flows() { return fast_path_status(*plane_); }

void Application::connect(std::vector<std::string> peers, bool replace,
                          std::function<void(std::vector<std::string> errors)> done) {
  std::vector<std::string> errors;
  for (auto const& error : mesh_->initiate(peers, replace)) errors.push_back(error.text());
  done(std::move(errors));
}

void Application::forget(std::vector<std::string> peers) { mesh_->forget(peers); }

} // namespace weave::controller
