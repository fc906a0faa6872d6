#include "controller/api/name_routes.hpp"

#include <utility>

namespace weave::controller::api {
namespace {

using http::PathValues;
using http::Request;
using http::Responder;
using http::Response;

Response error_response(Error const& error) { return Response::text(error.text() + "\n", 400); }

void put(NamePort& names, Request const& request, PathValues const& values, Responder responder) {
  auto const address = Ipv4Address::parse(values[1]);
  if (!address) return responder.send(error_response(address.error()));
  auto const parameters = request.parameters();
  names.add(values[0], *address, parameters.get("fqdn").value_or(""), parameters.get("check-alive") == "true",
            [answer = std::move(responder).into_function()](Result<void> const& done) {
              answer(done ? Response::no_content() : Response::text(done.error().text() + "\n", 500));
            });
}

/// As in the original only the query says which name, never a body: without it, all names go.
Response remove(NamePort& names, Request const& request, PathValues const& values) {
  NamePort::Filter filter;
  if (!values.empty()) filter.container_id = values[0];
  if (values.size() > 1) {
    auto const address = Ipv4Address::parse(values[1]);
    if (!address) return error_response(address.error());
    filter.address = *address;
  }
  if (auto fqdn = request.query().get("fqdn"); fqdn && !fqdn->empty()) filter.fqdn = *std::move(fqdn);
  auto const removed = names.remove(std::move(filter));
  return removed ? Response::no_content() : Response::text(removed.error().text() + "\n", 500);
}

Response list(NamePort const& names, Request const& request) {
  if (request.headers.get("Accept") != "application/json") {
    return Response{.status = 405, .headers = {}, .body = {}};
  }
  return Response::text(to_json(names.entries()));
}

void add_value(http::Router& router, char const* path, std::function<std::string()> value) {
  router.add("GET", path, [value = std::move(value)](Request const&, PathValues const&, Responder responder) {
    auto text = value();
    if (text.empty()) return responder.send(Response::text("DNS does not answer yet: see weave status\n", 503));
    responder.send(Response::text(std::move(text)));
  });
}

} // namespace

void add_names(http::Router& router, NamePort& names) {
  add_value(router, "/domain", [&names] { return names.domain(); });
  add_value(router, "/dns-address-port", [&names] { return names.listen_address(); });
  add_value(router, "/dns-address", [&names] {
    auto address = names.listen_address();
    return address.substr(0, address.rfind(':'));
  });
  router.add("GET", "/name", [&names](Request const& request, PathValues const&, Responder responder) {
    responder.send(list(names, request));
  });
  router.add("PUT", "/name/{id}/{ip}", [&names](Request const& request, PathValues const& values, Responder responder) {
    put(names, request, values, std::move(responder));
  });
  for (auto const* path : {"/name", "/name/{id}", "/name/{id}/{ip}"}) {
    router.add("DELETE", path, [&names](Request const& request, PathValues const& values, Responder responder) {
      responder.send(remove(names, request, values));
    });
  }
}

} // namespace weave::controller::api
