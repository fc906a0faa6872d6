#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "controller/api/control_routes.hpp"
#include "controller/api/status_text.hpp"
#include "controller/app/name_service.hpp"
#include "test/fakes/control_api.hpp"
#include "test/unit/dns_names/name_vectors.hpp"
#include "test/unit/dns_names/registry_fakes.hpp"

namespace weave::controller {
namespace {

using namespace weave::test;

struct ApiRig {
  explicit ApiRig(NameService::LivenessCheck check = {})
      : service{rig.registry, *rig.gossiper, "127.0.0.1:5399", std::move(check)} {}

  http::Response ask(http::Request request) {
    auto const caught = std::make_shared<CaughtAnswer>();
    router(std::move(request), http::Responder{caught});
    return caught->response.value_or(http::Response{.status = 0, .headers = {}, .body = {}});
  }
  http::Response ask(std::string method, std::string target) {
    return ask({.method = std::move(method), .target = std::move(target), .headers = {}, .body = {}});
  }

  RegistryRig rig{PeerName::parse("7a:3a:5c:00:00:01").value()};
  NameService service;
  NoDaemon daemon;
  http::Router router = api::control_routes({.daemon = &daemon, .names = &service});
};

/// The original takes IPv6 addresses for 0.0.0.0 and registers that; here they are refused.
std::string without_ipv6(std::string const& body) {
  if (!body.starts_with('[')) return body;
  boost::json::array kept;
  auto const entries = boost::json::parse(body);
  for (auto const& entry : entries.as_array()) {
    if (text_of(entry.at("Addr")) != "0.0.0.0") kept.push_back(entry);
  }
  return boost::json::serialize(kept) + "\n";
}

/// The database behind the daemon's own routes, asked what the original was asked, in the same order.
TEST(NamesOverHttp, answers_as_the_original) {
  ApiRig api;
  auto const& steps = dns_file().document().at("http").at("steps").as_array();
  for (auto const& value : steps) {
    auto const& step = value.as_object();
    http::Request request{
        .method = text_of(step.at("method")), .target = text_of(step.at("path")), .headers = {}, .body = {}};
    SCOPED_TRACE(request.method + ' ' + request.target);
    if (auto const* const form = step.if_contains("form_body")) {
      request.headers.add("Content-Type", "application/x-www-form-urlencoded");
      request.body = text_of(*form);
    }
    if (step.contains("header")) request.headers.add("Accept", "application/json");
    auto const is_ipv6 = request.target.find("::1") != std::string::npos;
    auto const response = api.ask(std::move(request));
    if (is_ipv6) {
      EXPECT_EQ(response.status, 400);
      EXPECT_EQ(response.body, "invalid IP Address: ::1\n");
      continue;
    }
    EXPECT_EQ(response.status, number_of(step.at("status")));
    EXPECT_EQ(response.body, without_ipv6(text_of(step.at("body"))));
    if (auto const* const type = step.if_contains("content_type")) {
      EXPECT_EQ(response.headers.get("Content-Type"), text_of(*type));
    }
  }
  dns_file().covered("http/steps");
}

TEST(NamesOverHttp, takes_back_the_name_of_a_container_that_does_not_run) {
  std::map<std::string, std::function<void(bool)>> asked;
  ApiRig api{[&](std::string const& id, std::function<void(bool)> done) { asked[id] = std::move(done); }};
  EXPECT_EQ(api.ask("PUT", "/name/c1/10.2.0.1?fqdn=a.weave.local&check-alive=true").status, 0);
  EXPECT_EQ(api.ask("PUT", "/name/c2/10.2.0.2?fqdn=b.weave.local&check-alive=true").status, 0);
  EXPECT_EQ(api.rig.gossiper->table().live_count(), 2U);
  asked.at("c1")(false);
  asked.at("c2")(true);
  EXPECT_EQ(api.rig.gossiper->table().live_count(), 1U);
  EXPECT_EQ(api.rig.addresses("b.weave.local.").size(), 1U);
  EXPECT_EQ(api.ask("PUT", "/name/c3/10.2.0.3?fqdn=c.weave.local").status, 204);
  EXPECT_FALSE(asked.contains("c3"));
}

TEST(NamesOverHttp, off_is_not_found) {
  NoDaemon daemon;
  auto const router = api::control_routes({.daemon = &daemon});
  for (auto const* const target : {"/domain", "/dns-address", "/name"}) {
    auto const caught = std::make_shared<CaughtAnswer>();
    router(http::Request{.method = "GET", .target = target, .headers = {}, .body = {}}, http::Responder{caught});
    EXPECT_EQ(caught->response.value().status, 404) << target;
  }
}

TEST(NamesOverHttp, lists_can_be_read_back) {
  ApiRig api;
  api.ask("PUT", "/name/c1/10.2.0.1?fqdn=a.weave.local");
  auto const entries = api::parse_names(api::to_json(api.service.entries()));
  ASSERT_TRUE(entries) << entries.error().text();
  EXPECT_EQ(*entries, api.service.entries());
  EXPECT_FALSE(api::parse_names("{}"));
  EXPECT_FALSE(api::parse_names("[1]"));
}

TEST(NamesOverHttp, status_shows_live_names_in_storage_order) {
  ApiRig api;
  api.ask("PUT", "/name/222222222222222/10.2.0.2?fqdn=Bravo.weave.local");
  api.ask("PUT", "/name/c1/10.2.0.1?fqdn=alpha.weave.local");
  api.ask("PUT", "/name/c1/10.2.0.1?fqdn=gone.weave.local");
  api.ask("DELETE", "/name/c1?fqdn=gone.weave.local");
  api::StatusReport report;
  report.dns = api.service.status({"8.8.8.8"}, 1);
  EXPECT_EQ(api::dns_text(report),
            "alpha        10.2.0.1                  c1 7a:3a:5c:00:00:01\n"
            "Bravo        10.2.0.2        222222222222 7a:3a:5c:00:00:01\n");
  EXPECT_NE(api::status_text(report).find("       Upstream: 8.8.8.8\n            TTL: 1\n        Entries: 2\n"),
            std::string::npos);
}

} // namespace
} // namespace weave::controller
