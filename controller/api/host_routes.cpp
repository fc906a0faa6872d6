#include "controller/api/host_routes.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace weave::controller::api {
namespace {

using http::PathValues;
using http::Request;
using http::Responder;
using http::Response;

constexpr int kBadRequest = 400;
constexpr int kServerError = 500;
constexpr int kUnavailable = 503;

Response error_response(int status, std::string_view text) { return Response::text(fmt::format("{}\n", text), status); }

Response error_response(Error const& error) {
  return error_response(error.kind() == ErrorKind::unavailable ? kUnavailable : kBadRequest, error.text());
}

std::function<void(Result<void>)> no_content(Responder responder, std::string prefix = {}) {
  return [answer = std::move(responder).into_function(), prefix = std::move(prefix)](Result<void> const& result) {
    if (result) return answer(Response::no_content());
    if (prefix.empty()) return answer(error_response(result.error()));
    answer(error_response(kServerError, prefix + result.error().text()));
  };
}

Result<std::vector<Ipv4Cidr>> addresses_of(Request const& request) {
  std::vector<Ipv4Cidr> addresses;
  for (auto const& text : request.parameters().all("address")) {
    auto const cidr = Ipv4Cidr::parse(text);
    if (!cidr) return failure_of(cidr);
    addresses.push_back(*cidr);
  }
  if (addresses.empty()) return failure(ErrorKind::malformed, "error: must supply an address parameter");
  return addresses;
}

void attach_one(AttachPort& attach, Request const& request, PathValues const& values, Responder responder) {
  auto addresses = addresses_of(request);
  if (!addresses) return responder.send(error_response(addresses.error()));
  auto const parameters = request.parameters();
  attach.attach(values[0],
                {.addresses = *std::move(addresses),
                 .multicast_route = parameters.get("multicast-route") != "false",
                 .rewrite_hosts = parameters.get("rewrite-hosts") == "true",
                 .extra_hosts = parameters.all("add-host"),
                 .without_name = parameters.get("without-name") == "true"},
                no_content(std::move(responder)));
}

void detach_one(AttachPort& attach, Request const& request, PathValues const& values, Responder responder) {
  auto const cidrs = addresses_of(request);
  if (!cidrs) return responder.send(error_response(cidrs.error()));
  std::vector<Ipv4Address> addresses;
  for (auto const& cidr : *cidrs) addresses.push_back(cidr.address);
  attach.detach(values[0], std::move(addresses), no_content(std::move(responder)));
}

Result<Ipv4Cidr> cidr_of(PathValues const& values) {
  auto cidr = Ipv4Cidr::parse(values[0] + "/" + values[1]);
  if (!cidr) return failure(cidr.error().kind(), "unable to parse ip addr: " + cidr.error().text());
  return cidr;
}

/// Words for truth as the original takes them.
Result<bool> skips_nat(Request const& request) {
  constexpr std::array<std::string_view, 6> kTrue{"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::array<std::string_view, 6> kFalse{"0", "f", "F", "false", "FALSE", "False"};
  auto const text = request.parameters().get("skipNAT").value_or("");
  if (text.empty() || std::ranges::find(kFalse, text) != kFalse.end()) return false;
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  return failure(ErrorKind::malformed,
                 fmt::format("unable to parse skipNAT option: \"{}\" is not true or false", text));
}

} // namespace

void add_containers(http::Router& router, AttachPort& attach) {
  router.add("GET", "/container/{name}", [&attach](Request const&, PathValues const& values, Responder responder) {
    attach.find(values[0], [answer = std::move(responder).into_function()](Result<AttachPort::Identity> const& found) {
      if (!found) return answer(error_response(found.error()));
      answer(Response::text(found->fqdn.empty() ? found->id : found->id + " " + found->fqdn));
    });
  });
  router.add("PUT", "/container/{name}/interface",
             [&attach](Request const& request, PathValues const& values, Responder responder) {
               attach_one(attach, request, values, std::move(responder));
             });
  router.add("DELETE", "/container/{name}/interface",
             [&attach](Request const& request, PathValues const& values, Responder responder) {
               detach_one(attach, request, values, std::move(responder));
             });
}

void add_expose(http::Router& router, ExposePort& expose) {
  router.add("POST", "/expose/{ip}/{len}",
             [&expose](Request const& request, PathValues const& values, Responder responder) {
               auto const cidr = cidr_of(values);
               if (!cidr) return responder.send(error_response(cidr.error()));
               auto const skip_nat = skips_nat(request);
               if (!skip_nat) return responder.send(error_response(skip_nat.error()));
               expose.expose(*cidr, !*skip_nat, no_content(std::move(responder), "unable to expose: "));
             });
  router.add("DELETE", "/expose/{ip}/{len}", [&expose](Request const&, PathValues const& values, Responder responder) {
    auto const cidr = cidr_of(values);
    if (!cidr) return responder.send(error_response(cidr.error()));
    expose.hide(cidr->address, no_content(std::move(responder), "unable to hide: "));
  });
}

} // namespace weave::controller::api
