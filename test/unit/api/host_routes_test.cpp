#include "controller/api/host_routes.hpp"

#include <gtest/gtest.h>

#include "test/fakes/control_api.hpp"

namespace weave::controller::api {
namespace {

class FakeExpose final : public ExposePort {
 public:
  std::vector<std::string> log;
  Result<void> outcome;

  void expose(Ipv4Cidr address, bool masquerade, Completion<void> done) override {
    log.push_back(address.to_string() + (masquerade ? " masquerade" : " plain"));
    done(outcome);
  }
  void hide(Ipv4Address address, Completion<void> done) override {
    log.push_back("hide " + address.to_string());
    done(outcome);
  }
};

class ExposeRoutes : public testing::Test {
 protected:
  ExposeRoutes() { add_expose(router_, expose_); }

  http::Response ask(std::string method, std::string target) {
    auto const caught = std::make_shared<test::CaughtAnswer>();
    router_({.method = std::move(method), .target = std::move(target), .headers = {}, .body = {}},
            http::Responder{caught});
    return caught->response.value();
  }

  FakeExpose expose_;
  http::Router router_;
};

TEST_F(ExposeRoutes, ExposeAndHide) {
  EXPECT_EQ(ask("POST", "/expose/10.2.1.254/24").status, 204);
  EXPECT_EQ(ask("POST", "/expose/10.2.1.254/24?skipNAT=true").status, 204);
  EXPECT_EQ(ask("POST", "/expose/10.2.1.254/24?skipNAT=0").status, 204);
  EXPECT_EQ(ask("DELETE", "/expose/10.2.1.254/24").status, 204);
  EXPECT_EQ(expose_.log, (std::vector<std::string>{"10.2.1.254/24 masquerade", "10.2.1.254/24 plain",
                                                   "10.2.1.254/24 masquerade", "hide 10.2.1.254"}));
}

TEST_F(ExposeRoutes, NothingIsHalfDone) {
  auto answer = ask("POST", "/expose/10.2.1.254/24?skipNAT=maybe");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "unable to parse skipNAT option: \"maybe\" is not true or false\n");
  answer = ask("POST", "/expose/10.2.1.999/24");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "unable to parse ip addr: invalid CIDR address: 10.2.1.999/24\n");
  EXPECT_TRUE(expose_.log.empty());
  expose_.outcome = failure(ErrorKind::system, "no such device");
  answer = ask("POST", "/expose/10.2.1.254/24");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, "unable to expose: no such device\n");
}

} // namespace
} // namespace weave::controller::api
