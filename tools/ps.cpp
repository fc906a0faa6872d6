#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "controller/docker/engine_json.hpp"
#include "datapath/link/overlay_interfaces.hpp"
#include "tools/address_words.hpp"
#include "tools/docker_answer.hpp"
#include "tools/launch_plan.hpp"

namespace weave::tools {
namespace {

namespace docker = controller::docker;
namespace json = boost::json;

constexpr std::size_t kIdLength = 12;
constexpr std::string_view kAllIds = "weave:allids";

struct Row {
  std::string id;
  datapath::OverlayInterface interface;
};

/// Asks the engine and the kernel, never the daemon: what it shows is so whether that runs or not.
class Listing {
 public:
  Listing(Invocation& call, datapath::Links& links, std::string bridge, http::Endpoint engine,
          datapath::OverlayPorts ports)
      : call_{call}, links_{links}, bridge_{std::move(bridge)}, engine_{std::move(engine)}, ports_{std::move(ports)} {}

  [[nodiscard]] Result<void> add(std::string const& id) {
    if (id == kExposedId) return add_bridge();
    if (id == kAllIds) return add_running();
    auto const container = inspect_container(engine_, id);
    if (!container && container.error().kind() == ErrorKind::not_found) {
      call_.err << container.error().text() << "\n";
      return {};
    }
    if (!container) return failure_of(container);
    return container->up() ? add_container(id, *container) : Result<void>{};
  }
  [[nodiscard]] Result<void> add_running() {
    auto const text = ask_docker(engine_, "/containers/json");
    if (!text) return failure_of(text);
    auto const running = docker::decode_containers(*text);
    if (!running) return failure_of(running);
    for (auto const& each : *running) {
      auto const container = inspect_container(engine_, each.id);
      if (!container || !container->up()) continue; // it has ended meanwhile
      if (auto const added = add_container(each.id, *container); !added) return added;
    }
    return {};
  }
  [[nodiscard]] std::vector<Row> const& rows() const { return rows_; }

 private:
  [[nodiscard]] Result<void> add_bridge() {
    auto interface = datapath::bridge_interface(links_, bridge_);
    if (!interface) return failure_of(interface);
    rows_.push_back({.id = std::string{kExposedId}, .interface = *std::move(interface)});
    return {};
  }
  [[nodiscard]] Result<void> add_container(std::string const& id, docker::ContainerInfo const& container) {
    auto const guest = datapath::NetworkNamespace::open(fmt::format("/proc/{}/ns/net", container.pid));
    if (!guest && guest.error().kind() == ErrorKind::not_found) return {};
    if (!guest) return failure_of(guest);
    auto interfaces = ports_.interfaces_in(*guest);
    if (!interfaces) return failure_of(interfaces);
    for (auto& interface : *interfaces) {
      rows_.push_back({.id = id.substr(0, kIdLength), .interface = std::move(interface)});
    }
    return {};
  }

  Invocation& call_;
  datapath::Links& links_;
  std::string bridge_;
  http::Endpoint engine_;
  datapath::OverlayPorts ports_;
  std::vector<Row> rows_;
};

void print_text(std::vector<Row> const& rows, std::ostream& out) {
  for (auto const& row : rows) {
    out << row.id << " " << row.interface.mac.to_string();
    for (auto const& cidr : row.interface.addresses) out << " " << cidr.to_string();
    out << "\n";
  }
  if (rows.empty()) out << "\n";
}

void print_json(std::vector<Row> const& rows, std::ostream& out) {
  json::array list;
  for (auto const& row : rows) {
    json::array addresses;
    for (auto const& cidr : row.interface.addresses) addresses.emplace_back(cidr.to_string());
    list.push_back(json::object{{"id", row.id},
                                {"interface", row.interface.name},
                                {"mac", row.interface.mac.to_string()},
                                {"addresses", std::move(addresses)}});
  }
  out << json::serialize(list) << "\n";
}

int explain(Error const& error, Invocation& call) {
  call.err << error.text() << (::geteuid() == 0 ? "\n" : "; try with sudo\n");
  return 1;
}

} // namespace

int run_ps(Invocation& call) {
  auto const as_json = call.take_flag("--json");
  for (auto const& word : call.words) {
    if (word.starts_with('-')) return usage(call.err, 1);
  }
  auto socket = datapath::RouteSocket::open();
  if (!socket) return explain(socket.error(), call);
  datapath::Links links{*socket};
  auto name = overlay_bridge(call.settings);
  auto const bridge = links.find(name);
  if (!bridge && bridge.error().kind() == ErrorKind::not_found) {
    if (as_json) print_json({}, call.out);
    return 0;
  }
  auto ports = datapath::OverlayPorts::list(links, name);
  if (!ports) return explain(ports.error(), call);
  auto engine = docker_endpoint(call.settings);
  if (!engine) return explain(engine.error(), call);
  Listing listing{call, links, std::move(name), *std::move(engine), *std::move(ports)};
  auto const wanted =
      call.words.empty() ? std::vector<std::string>{std::string{kExposedId}, std::string{kAllIds}} : call.words;
  for (auto const& id : wanted) {
    if (auto const added = listing.add(id); !added) return explain(added.error(), call);
  }
  as_json ? print_json(listing.rows(), call.out) : print_text(listing.rows(), call.out);
  return 0;
}

} // namespace weave::tools
