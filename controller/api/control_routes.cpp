#include "controller/api/control_routes.hpp"

#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/flows_text.hpp"
#include "controller/api/host_routes.hpp"
#include "controller/api/metrics_text.hpp"
#include "controller/api/name_routes.hpp"
#include "controller/api/report_template.hpp"
#include "controller/api/status_text.hpp"

namespace weave::controller::api {
namespace {

using http::PathValues;
using http::Request;
using http::Responder;
using http::Response;

/// How long a client waits for an address that does not say: longer than peers need to find each other after a power
/// cut.
constexpr auto kUsualWait = std::chrono::seconds{60};

Response error_response(int status, std::string_view text) { return Response::text(fmt::format("{}\n", text), status); }

/// A wrong request is 400, as is everything the original answers with 400; giving up is not success, unlike there.
Response error_response(Error const& error, std::string_view prefix = {}) {
  auto const kind = error.kind();
  bool const gave_up = kind == ErrorKind::cancelled || kind == ErrorKind::unavailable || kind == ErrorKind::timed_out;
  return error_response(gave_up ? 503 : 400, fmt::format("{}{}", prefix, error.text()));
}

bool is_true(Request const& request, std::string_view parameter) {
  return request.parameters().get(parameter) == "true";
}

/// Seconds that the client would wait, from its parameter `timeout`; 0 is without limit, as is every wait in the
/// original.
Result<AddressPort::Limit> wait_limit(Request const& request, AddressPort::Limit usual) {
  auto const text = request.parameters().get("timeout");
  if (!text) return usual;
  std::uint32_t seconds = 0;
  auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size()) {
    return failure(ErrorKind::malformed, fmt::format("timeout must be a number of seconds, not '{}'", *text));
  }
  if (seconds == 0) return std::nullopt;
  return std::chrono::seconds{seconds};
}

/// `{ip}/{len}` of a path.
std::string cidr_text(PathValues const& values, std::size_t first) { return values[first] + "/" + values[first + 1]; }

/// Answers when the operation completes; a client that goes away cancels it.
void wait_for(Responder responder, std::function<Cancel(std::function<void(Response)>)> const& start) {
  struct Wait {
    Responder responder;
    Cancel cancel;
    bool done = false;
  };
  auto const wait = std::make_shared<Wait>();
  wait->responder = std::move(responder);
  wait->responder.on_abandoned([weak = std::weak_ptr{wait}] {
    if (auto const held = weak.lock(); held && !held->done && held->cancel) std::exchange(held->cancel, nullptr)();
  });
  wait->cancel = start([wait](Response response) {
    wait->done = true;
    wait->cancel = nullptr;
    wait->responder.send(std::move(response));
  });
  if (wait->done) wait->cancel = nullptr;
}

void add_status(http::Router& router, DaemonPort& daemon) {
  auto const add = [&](char const* path, std::string (*text)(StatusReport const&)) {
    router.add("GET", path, [&daemon, text](Request const&, PathValues const&, Responder responder) {
      auto const report = daemon.report();
      responder.send(Response::text(text(report), report.ready ? 200 : 503));
    });
  };
  add("/status", status_text);
  add("/status/connections", connections_text);
  add("/status/peers", peers_text);
  add("/status/targets", targets_text);
  add("/status/dns", dns_text);
  add("/status/ipam", ipam_text);
}

/// The report with what the kernel forwards by; why that is missing is told by nothing but its absence.
StatusReport full_report(DaemonPort& daemon) {
  auto report = daemon.report();
  if (!report.router) return report;
  if (auto flows = daemon.flows()) report.router->fast_path = *std::move(flows);
  return report;
}

void add_flows(http::Router& router, DaemonPort& daemon) {
  router.add("GET", "/status/flows", [&daemon](Request const&, PathValues const&, Responder responder) {
    auto report = daemon.report();
    auto flows = daemon.flows();
    if (!flows) return responder.send(error_response(503, flows.error().text()));
    if (report.router) report.router->fast_path = *std::move(flows);
    responder.send(Response::text(flows_text(report), report.ready ? 200 : 503));
  });
}

void add_metrics(http::Router& router, DaemonPort& daemon) {
  router.add("GET", "/metrics", [&daemon](Request const&, PathValues const&, Responder responder) {
    auto response = Response::text(metrics_text(full_report(daemon), daemon.samples()));
    response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    responder.send(std::move(response));
  });
}

Response report_response(DaemonPort& daemon, Request const& request) {
  if (request.headers.get("Accept") == "application/json") return Response::json(to_json(full_report(daemon)));
  auto const formats = request.query().all("format");
  if (formats.size() != 1) return error_response(400, "error: must supply one format parameter");
  auto const text = expand_template(formats[0], full_report(daemon));
  if (text) return Response::text(*text);
  if (text.error().kind() == ErrorKind::malformed) return error_response(400, text.error().text());
  return error_response(500, fmt::format("error during template execution\n{}", text.error().text()));
}

void add_report(http::Router& router, DaemonPort& daemon) {
  router.add("GET", "/report", [&daemon](Request const& request, PathValues const&, Responder responder) {
    responder.send(report_response(daemon, request));
  });
}

void add_mesh(http::Router& router, DaemonPort& daemon) {
  router.add("POST", "/connect", [&daemon](Request const& request, PathValues const&, Responder responder) {
    daemon.connect(
        request.parameters().all("peer"), is_true(request, "replace"),
        [answer = std::move(responder).into_function()](std::vector<std::string> const& errors) {
          answer(errors.empty() ? Response::text("") : error_response(400, fmt::format("{}", fmt::join(errors, "\n"))));
        });
  });
  router.add("POST", "/forget", [&daemon](Request const& request, PathValues const&, Responder responder) {
    daemon.forget(request.parameters().all("peer"));
    responder.send(Response::text(""));
  });
}

void allocate(AddressPort& addresses, Request const& request, PathValues const& values, Responder responder) {
  std::optional<Ipv4Cidr> subnet;
  if (values.size() == 3) {
    auto const parsed = Ipv4Cidr::parse_subnet(cidr_text(values, 1));
    if (!parsed) return responder.send(error_response(400, parsed.error().text()));
    subnet = *parsed;
  }
  auto const limit = wait_limit(request, kUsualWait);
  if (!limit) return responder.send(error_response(400, limit.error().text()));
  wait_for(std::move(responder), [&](std::function<void(Response)> answer) {
    return addresses.allocate(values[0], subnet, is_true(request, "check-alive"), *limit,
                              [answer = std::move(answer)](Result<Ipv4Cidr> const& result) {
                                answer(result ? Response::text(result->to_string()) : error_response(result.error()));
                              });
  });
}

void claim(AddressPort& addresses, Request const& request, PathValues const& values, Responder responder) {
  auto const cidr = Ipv4Cidr::parse(cidr_text(values, 1));
  if (!cidr) return responder.send(error_response(400, cidr.error().text()));
  auto const limit = wait_limit(request, kUsualWait);
  if (!limit) return responder.send(error_response(400, limit.error().text()));
  wait_for(std::move(responder), [&](std::function<void(Response)> answer) {
    return addresses.claim(
        values[0], *cidr, is_true(request, "check-alive"), is_true(request, "noErrorOnUnknown"), *limit,
        [answer = std::move(answer)](Result<void> const& result) {
          answer(result ? Response::no_content() : error_response(result.error(), "Unable to claim: "));
        });
  });
}

Response lookup(AddressPort const& addresses, PathValues const& values) {
  std::optional<Ipv4Cidr> subnet;
  if (values.size() == 3) {
    auto const parsed = Ipv4Cidr::parse_subnet(cidr_text(values, 1));
    if (!parsed) return error_response(400, parsed.error().text());
    subnet = *parsed;
  }
  std::vector<std::string> texts;
  for (auto const& cidr : addresses.lookup(values[0], subnet)) texts.push_back(cidr.to_string());
  return Response::text(fmt::format("{}", fmt::join(texts, " ")));
}

Response release(AddressPort& addresses, PathValues const& values) {
  if (values.size() == 1) {
    auto const result = addresses.release_all(values[0]);
    return result ? Response::no_content() : error_response(400, result.error().text());
  }
  auto const address = Ipv4Address::parse(values[1]);
  if (!address) return error_response(400, address.error().text());
  auto const result = addresses.release(values[0], *address);
  return result ? Response::no_content() : error_response(result.error(), "Unable to free: ");
}

void add_addresses(http::Router& router, AddressPort& addresses) {
  for (auto const* path : {"/ip/{id}", "/ip/{id}/{ip}/{len}"}) {
    router.add("POST", path, [&addresses](Request const& request, PathValues const& values, Responder responder) {
      allocate(addresses, request, values, std::move(responder));
    });
    router.add("GET", path, [&addresses](Request const&, PathValues const& values, Responder responder) {
      responder.send(lookup(addresses, values));
    });
  }
  router.add("PUT", "/ip/{id}/{ip}/{len}",
             [&addresses](Request const& request, PathValues const& values, Responder responder) {
               claim(addresses, request, values, std::move(responder));
             });
  for (auto const* path : {"/ip/{id}", "/ip/{id}/{ip}"}) {
    router.add("DELETE", path, [&addresses](Request const&, PathValues const& values, Responder responder) {
      responder.send(release(addresses, values));
    });
  }
  router.add("GET", "/ip", [&addresses](Request const&, PathValues const&, Responder responder) {
    responder.send(Response::json(to_json(addresses.owned())));
  });
  router.add("GET", "/ipinfo/defaultsubnet", [&addresses](Request const&, PathValues const&, Responder responder) {
    responder.send(Response::text(addresses.default_subnet().to_string()));
  });
  router.add("GET", "/ipinfo/tracker", [&addresses](Request const&, PathValues const&, Responder responder) {
    responder.send(Response::text(addresses.tracker() + "\n"));
  });
  router.add("GET", "/ring", [&addresses](Request const& request, PathValues const&, Responder responder) {
    auto const limit = wait_limit(request, std::nullopt);
    if (!limit) return responder.send(error_response(400, limit.error().text()));
    wait_for(std::move(responder), [&](std::function<void(Response)> answer) {
      return addresses.prime(*limit, [answer = std::move(answer)](Result<void> const& result) {
        answer(result ? Response::text("") : error_response(result.error()));
      });
    });
  });
}

/// These answer with allocation off as well: then there is nothing to give or to take.
void add_ownership(http::Router& router, AddressPort* addresses) {
  router.add("DELETE", "/peer", [addresses](Request const&, PathValues const&, Responder responder) {
    if (addresses != nullptr) addresses->hand_over();
    responder.send(Response::no_content());
  });
  router.add("DELETE", "/peer/{id}", [addresses](Request const&, PathValues const& values, Responder responder) {
    if (addresses == nullptr) return responder.send(Response::text(""));
    auto const taken = addresses->take_over(values[0]);
    if (!taken) return responder.send(error_response(taken.error()));
    responder.send(Response::text(fmt::format("{} IPs taken over from {}\n", *taken, values[0])));
  });
}

void add_docker_network(http::Router& router, DockerNetworkPort& network) {
  router.add("PUT", "/plugin", [&network](Request const&, PathValues const&, Responder responder) {
    auto const on = network.switch_on();
    responder.send(on ? Response::no_content() : error_response(on.error()));
  });
  router.add("DELETE", "/plugin", [&network](Request const&, PathValues const&, Responder responder) {
    network.switch_off(
        [answer = std::move(responder).into_function()](Result<DockerNetworkPort::Removal> const& result) {
          if (!result) return answer(error_response(result.error()));
          if (result->removed) return answer(Response::no_content());
          answer(error_response(409, fmt::format("{}", fmt::join(result->attached_containers, " "))));
        });
  });
  router.add("DELETE", "/plugin/network", [&network](Request const&, PathValues const&, Responder responder) {
    network.remove_default_network(
        [answer = std::move(responder).into_function()](Result<DockerNetworkPort::Removal> const& result) {
          if (!result) return answer(error_response(result.error()));
          if (result->removed && result->others) return answer(Response::text("Docker has other networks of weave\n"));
          if (result->removed) return answer(Response::no_content());
          answer(error_response(409, fmt::format("{}", fmt::join(result->attached_containers, " "))));
        });
  });
}

} // namespace

http::Router control_routes(ControlPorts ports) {
  auto router = status_routes(*ports.daemon);
  add_mesh(router, *ports.daemon);
  if (ports.addresses != nullptr) add_addresses(router, *ports.addresses);
  add_ownership(router, ports.addresses);
  if (ports.names != nullptr) add_names(router, *ports.names);
  if (ports.attach != nullptr) add_containers(router, *ports.attach);
  if (ports.expose != nullptr) add_expose(router, *ports.expose);
  if (ports.docker_network != nullptr) add_docker_network(router, *ports.docker_network);
  return router;
}

http::Router status_routes(DaemonPort& daemon) {
  http::Router router;
  add_status(router, daemon);
  add_flows(router, daemon);
  add_metrics(router, daemon);
  add_report(router, daemon);
  return router;
}

http::Router metrics_routes(DaemonPort& daemon) {
  http::Router router;
  add_metrics(router, daemon);
  return router;
}

} // namespace weave::controller::api
