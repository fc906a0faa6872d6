#include <gtest/gtest.h>

#include "controller/api/control_routes.hpp"
#include "controller/app/address_service.hpp"
#include "test/fakes/control_api.hpp"
#include "test/unit/ipam/allocator_fakes.hpp"
#include "test/unit/ipam/ipam_vectors.hpp"

namespace weave::controller {
namespace {

using namespace weave::test;

ipam::AllocatorConfig alone() {
  ipam::AllocatorConfig config;
  config.self = PeerName{1};
  config.nickname = "one";
  config.universe = Ipv4Cidr::parse("10.2.0.0/16").value();
  config.default_subnet = Ipv4Cidr::parse("10.2.0.0/24").value();
  config.formation = {ipam::Formation::Mode::seeds, {config.self}, std::nullopt};
  return config;
}

/// The allocator behind the daemon's own routes, asked what the original was asked, in the same order.
TEST(IpamOverHttp, answers_as_the_original) {
  VirtualScheduler clock;
  AllocatorRig rig{alone(), clock};
  ASSERT_TRUE(rig.allocator->restore());
  AllocationGate gate;
  HandFiledAddresses by_hand{{}, [](std::string const&) { return Result<void>{}; }};
  ControlAddresses addresses{*rig.allocator, gate, by_hand, [](std::string const&, auto const& done) { done(true); }};
  NoDaemon daemon;
  auto const router = api::control_routes({.daemon = &daemon, .addresses = &addresses, .docker_network = nullptr});

  auto const& steps = ipam_file().document().at("http").at("steps").as_array();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    auto const& step = steps[i].as_object();
    if (i + 3 == steps.size()) rig.allocator->shut_down();
    http::Request request{
        .method = text_of(step.at("method")), .target = text_of(step.at("path")), .headers = {}, .body = {}};
    if (auto const* const form = step.if_contains("form_body")) {
      request.headers.add("Content-Type", "application/x-www-form-urlencoded");
      request.body = text_of(*form);
    }
    SCOPED_TRACE(request.method + ' ' + request.target + " (step " + std::to_string(i) + ")");
    auto const caught = std::make_shared<CaughtAnswer>();
    router(std::move(request), http::Responder{caught});
    clock.settle();
    ASSERT_TRUE(caught->response);
    if (text_of(step.at("body")) == "cancelled") {
      // The original answers 200, which its clients then cannot parse; here giving up is an error.
      EXPECT_EQ(caught->response->status, 503);
      EXPECT_TRUE(caught->response->body.ends_with("cancelled\n")) << caught->response->body;
      continue;
    }
    EXPECT_EQ(caught->response->status, number_of<int>(step.at("status")));
    EXPECT_EQ(caught->response->body, text_of(step.at("body")));
    if (auto const* const type = step.if_contains("content_type")) {
      EXPECT_EQ(caught->response->headers.get("Content-Type"), text_of(*type));
    }
  }
  ipam_file().covered("http/steps");
}

} // namespace
} // namespace weave::controller
