#include "controller/app/attach_service.hpp"

#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "controller/app/hosts_file.hpp"

namespace weave::controller {
namespace {

constexpr std::string_view kHostNamespace =
    "Container is running in the host network namespace, and therefore cannot be\n"
    "connected to weave - perhaps the container was started with --net=host";

/// By the engine's own handle: a look through the process would need more rights.
Result<datapath::NetworkNamespace> namespace_of(docker::ContainerInfo const& info) {
  if (!info.sandbox.empty()) {
    if (auto opened = datapath::NetworkNamespace::open(info.sandbox)) return opened;
  }
  return datapath::NetworkNamespace::open(fmt::format("/proc/{}/ns/net", info.pid));
}

bool is_our_own(datapath::NetworkNamespace const& guest) {
  auto const own = datapath::NetworkNamespace::current();
  if (!own) return false;
  auto const a = own->inode();
  auto const b = guest.inode();
  return a && b && *a == *b;
}

Result<void> write_hosts_of(docker::ContainerInfo const& info, std::vector<Ipv4Cidr> const& addresses,
                            std::vector<std::string> extra_hosts) {
  HostsWish wish{.hostname = info.hostname.substr(0, info.hostname.find('.')),
                 .fqdn = info.fqdn(),
                 .addresses = {},
                 .extra_hosts = {}};
  auto const present = read_hosts(info.hosts_file);
  for (auto const& entry : info.extra_hosts) {
    if (auto known = resolved_extra_host(entry, present)) wish.extra_hosts.push_back(*std::move(known));
  }
  for (auto const& cidr : addresses) wish.addresses.push_back(cidr.address);
  wish.extra_hosts.insert(wish.extra_hosts.end(), extra_hosts.begin(), extra_hosts.end());
  auto const text = hosts_text(wish);
  if (!text) return failure_of(text);
  return write_hosts(info.hosts_file, *text, info.pid);
}

} // namespace

Result<std::unique_ptr<AttachService>> AttachService::create(Settings settings, Ports ports) {
  auto endpoint = http::Endpoint::parse(settings.engine);
  if (!endpoint) return failure_of(endpoint);
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  return std::unique_ptr<AttachService>{
      new AttachService{std::move(settings), std::move(ports), std::move(*endpoint), std::move(*socket)}};
}

AttachService::AttachService(Settings settings, Ports ports, http::Endpoint engine, datapath::RouteSocket socket)
    : settings_{std::move(settings)},
      ports_{std::move(ports)},
      socket_{std::move(socket)},
      engine_{ports_.context, std::move(engine)} {}

void AttachService::find(std::string container, api::Completion<Identity> done) {
  inspect(container, [done = std::move(done)](Result<Target> const& target) {
    if (!target) return done(failure_of(target));
    done(Identity{.id = target->info.id, .fqdn = target->info.fqdn()});
  });
}

void AttachService::inspect(std::string const& container, api::Completion<Target> done) {
  engine_.inspect_container(container, [this, container, done = std::move(done)](Result<docker::ContainerInfo> info) {
    if (!info || !info->sandbox.empty() || info->network_owner.empty()) {
      return done(target_of(std::move(info), container));
    }
    engine_.inspect_container(info->network_owner,
                              [info, container, done](Result<docker::ContainerInfo> const& owner) mutable {
                                if (owner) info->sandbox = owner->sandbox;
                                done(target_of(std::move(info), container, owner ? owner->id : std::string{}));
                              });
  });
}

Result<AttachService::Target> AttachService::target_of(Result<docker::ContainerInfo> info, std::string const& container,
                                                       std::string owner) {
  if (!info && info.error().kind() == ErrorKind::not_found) {
    return failure(ErrorKind::not_found,
                   fmt::format("unable to inspect container {}: No such container: {}", container, container));
  }
  if (!info) {
    return failure(info.error().kind(),
                   fmt::format("unable to inspect container {}: {}", container, info.error().text()));
  }
  if (!info->up()) return failure(ErrorKind::refused, fmt::format("container {} not running", info->id));
  auto guest = namespace_of(*info);
  if (!guest && guest.error().kind() == ErrorKind::not_found) {
    return failure(ErrorKind::not_found, fmt::format("Container {} died", info->id));
  }
  if (!guest) return failure_of(guest);
  if (is_our_own(*guest)) return failure(ErrorKind::refused, std::string{kHostNamespace});
  return Target{.info = *std::move(info),
                .guest = std::make_shared<datapath::NetworkNamespace const>(*std::move(guest)),
                .owner = std::move(owner)};
}

void AttachService::attach(std::string container, Wish wish, api::Completion<void> done) {
  enqueue(
      [this, container = std::move(container), wish = std::move(wish)](api::Completion<void> next) {
        inspect(container, [this, wish, next = std::move(next)](Result<Target> const& target) {
          if (!target) return next(failure_of(target));
          attach_to(*target, wish, next);
        });
      },
      std::move(done));
}

void AttachService::attach_to(Target const& target, Wish wish, api::Completion<void> done) {
  // Before anything changes.
  if (wish.rewrite_hosts) {
    auto const text = hosts_text({.hostname = {}, .fqdn = {}, .addresses = {}, .extra_hosts = wish.extra_hosts});
    if (!text) return done(failure_of(text));
    auto const& path = target.info.hosts_file;
    if (!path.empty() && !is_engines_own(path, {target.info.id, target.owner})) {
      return done(failure(ErrorKind::refused, fmt::format("its /etc/hosts is mounted from {} and belongs to somebody "
                                                          "else: leave out --rewrite-hosts",
                                                          path)));
    }
  }
  datapath::AttachedInterface const interface { *target.guest };
  auto const exists = interface.exists();
  if (!exists) return done(failure_of(exists));
  if (!*exists) {
    auto const plugged = interface.plug(ports_.sandboxes, links_, target.info.pid, settings_.bridge);
    if (!plugged) return done(plugged);
  }
  ports_.worker.run<Outcome>(
      [target, wish = std::move(wish), logger = ports_.logger]() -> Outcome {
        auto const state = datapath::AttachedInterface{*target.guest}.configure(
            {.addresses = wish.addresses, .multicast_route = wish.multicast_route});
        if (!state) return failure_of(state);
        if (state->unfiltered) {
          logger.warning("multicast is not kept apart in container {}: {}", target.info.id, state->unfiltered->text());
        }
        if (!wish.rewrite_hosts) return {};
        return write_hosts_of(target.info, state->addresses, wish.extra_hosts);
      },
      [this, host_end = fmt::format("{}{}", datapath::kAttachedHostPrefix, target.info.pid), fresh = !*exists,
       done = std::move(done)](Outcome outcome) {
        if (!outcome && fresh) (void)links_.remove(host_end);
        done(std::move(outcome));
      });
}

void AttachService::detach(std::string container, std::vector<Ipv4Address> addresses, api::Completion<void> done) {
  enqueue(
      [this, container = std::move(container), addresses = std::move(addresses)](api::Completion<void> next) {
        inspect(container, [this, addresses, next = std::move(next)](Result<Target> const& target) {
          if (!target) return next(failure_of(target));
          ports_.worker.run<Outcome>(
              [guest = target->guest, addresses] { return datapath::AttachedInterface{*guest}.remove(addresses); },
              next);
        });
      },
      std::move(done));
}

void AttachService::enqueue(Operation operation, api::Completion<void> done) {
  operations_.push_back({.operation = std::move(operation), .done = std::move(done)});
  if (operations_.size() == 1) begin_next();
}

void AttachService::begin_next() {
  operations_.front().operation([this](Outcome outcome) {
    auto const finished = std::move(operations_.front());
    operations_.pop_front();
    // Whatever becomes of this answer, the next in the queue gets its turn.
    if (!operations_.empty()) boost::asio::post(ports_.context, [this] { begin_next(); });
    finished.done(std::move(outcome));
  });
}

} // namespace weave::controller
