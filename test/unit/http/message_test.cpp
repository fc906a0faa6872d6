#include "base/http/message.hpp"

#include <gtest/gtest.h>

#include "base/http/endpoint.hpp"
#include "base/http/router.hpp"

namespace weave::http {
namespace {

TEST(Form, KeepsRepeatedNamesInOrder) {
  auto const form = Form::parse("peer=192.0.2.1&replace=true&peer=host%3A6783&empty=&flag");
  EXPECT_EQ(form.all("peer"), (std::vector<std::string>{"192.0.2.1", "host:6783"}));
  EXPECT_EQ(form.get("replace"), "true");
  EXPECT_EQ(form.get("empty"), "");
  EXPECT_EQ(form.get("flag"), "");
  EXPECT_EQ(form.get("absent"), std::nullopt);
}

TEST(Form, LeavesOutBrokenPairs) {
  auto const form = Form::parse("a=%zz&b=1&&c=%4&d=x+y%20z");
  EXPECT_EQ(form.get("a"), std::nullopt);
  EXPECT_EQ(form.get("b"), "1");
  EXPECT_EQ(form.get("c"), std::nullopt);
  EXPECT_EQ(form.get("d"), "x y z");
}

TEST(Form, PrintsWhatItParses) {
  Form form;
  form.add("a b", "1&2=3");
  form.add("ü", "%");
  auto const again = Form::parse(form.to_string());
  EXPECT_EQ(again.get("a b"), "1&2=3");
  EXPECT_EQ(again.get("ü"), "%");
}

TEST(Request, TakesParametersFromBodyAndQuery) {
  Form form;
  form.add("peer", "a");
  auto request = Request::post_form("/connect?peer=b&replace=true", form);
  EXPECT_EQ(request.path(), "/connect");
  EXPECT_EQ(request.parameters().all("peer"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request.parameters().get("replace"), "true");
  request.headers.set("content-type", "text/plain");
  EXPECT_EQ(request.parameters().all("peer"), (std::vector<std::string>{"b"}));
}

TEST(Headers, CompareNamesWithoutCase) {
  Headers headers{{"Content-Type", "a"}, {"content-type", "b"}};
  EXPECT_EQ(headers.get("CONTENT-TYPE"), "a");
  headers.set("Content-type", "c");
  EXPECT_EQ(headers.size(), 1U);
  EXPECT_EQ(headers.get("content-type"), "c");
}

TEST(PercentCoding, RefusesHalfSequences) {
  EXPECT_EQ(percent_decode("%41%2f"), "A/");
  EXPECT_EQ(percent_decode("%4"), std::nullopt);
  EXPECT_EQ(percent_decode("%"), std::nullopt);
  EXPECT_EQ(percent_decode("%-1"), std::nullopt);
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_encode("weave:expose"), "weave%3Aexpose");
}

TEST(Endpoint, ParsesEachForm) {
  EXPECT_EQ(Endpoint::parse("unix:///run/x.sock"), Endpoint::unix_socket("/run/x.sock"));
  EXPECT_EQ(Endpoint::parse("/run/x.sock"), Endpoint::unix_socket("/run/x.sock"));
  EXPECT_EQ(Endpoint::parse("tcp://127.0.0.1:6784"), Endpoint::tcp("127.0.0.1", 6784));
  EXPECT_EQ(Endpoint::parse("http://localhost:6784/"), Endpoint::tcp("localhost", 6784));
  EXPECT_EQ(Endpoint::parse(":80"), Endpoint::tcp("", 80));
  EXPECT_EQ(Endpoint::parse("[::1]:80"), Endpoint::tcp("::1", 80));
  EXPECT_EQ(Endpoint::tcp("::1", 80).to_string(), "[::1]:80");
  for (auto const* bad : {"", "host", "host:", "host:70000", "host:8x", "::1:80", "unix://x", "a/b:80"}) {
    EXPECT_FALSE(Endpoint::parse(bad)) << bad;
  }
}

TEST(MatchPath, TakesDecodedParts) {
  EXPECT_EQ(match_path("/ip/{id}", "/ip/weave%3Aexpose"), PathValues{"weave:expose"});
  EXPECT_EQ(match_path("/ip/{id}/{ip}/{len}", "/ip/_/10.32.0.0/24"), (PathValues{"_", "10.32.0.0", "24"}));
  EXPECT_EQ(match_path("/ip", "/ip"), PathValues{});
  EXPECT_EQ(match_path("/ip/{id}", "/ip/a%2Fb"), PathValues{"a/b"});
  EXPECT_EQ(match_path("/ip/{id}", "/ip/"), std::nullopt);
  EXPECT_EQ(match_path("/ip/{id}", "/ip"), std::nullopt);
  EXPECT_EQ(match_path("/ip", "/ip/"), std::nullopt);
  EXPECT_EQ(match_path("/ip/{id}", "/ip/%4"), std::nullopt);
}

struct Recorder final : Responder::Sink {
  void deliver(Response response) override { answers.push_back(std::move(response)); }
  [[nodiscard]] bool abandoned() const override { return false; }
  void set_on_abandoned(std::function<void()>) override {}
  std::vector<Response> answers;
};

TEST(Router, TellsUnknownPathFromWrongMethod) {
  Router router;
  router.add("GET", "/status", [](Request, PathValues, Responder responder) { responder.send(Response::text("ok")); });
  auto const ask = [&](std::string method, std::string target) {
    auto const sink = std::make_shared<Recorder>();
    router(Request{.method = std::move(method), .target = std::move(target), .headers = {}, .body = {}},
           Responder{sink});
    EXPECT_EQ(sink->answers.size(), 1U);
    return sink->answers.at(0);
  };
  EXPECT_EQ(ask("GET", "/status?x=1").body, "ok");
  EXPECT_EQ(ask("HEAD", "/status").status, 200);
  EXPECT_EQ(ask("POST", "/status").status, 405);
  EXPECT_EQ(ask("POST", "/status").body, "");
  EXPECT_EQ(ask("GET", "/nothing").status, 404);
  EXPECT_EQ(ask("GET", "/nothing").body, "404 page not found\n");
  EXPECT_EQ(ask("GET", "/status?x=%25").body, "ok");
  EXPECT_EQ(ask("GET", "/status?x=%zz").status, 400);
  EXPECT_EQ(ask("GET", "/status?x=%zz").body, "a percent sign in an address is written %25\n");
}

TEST(Responder, AnswersOnceAndNeverNot) {
  auto const sink = std::make_shared<Recorder>();
  {
    Responder responder{sink};
    responder.send(Response::text("first"));
    responder.send(Response::text("second"));
  }
  ASSERT_EQ(sink->answers.size(), 1U);
  EXPECT_EQ(sink->answers[0].body, "first");
  { Responder const dropped{sink}; }
  ASSERT_EQ(sink->answers.size(), 2U);
  EXPECT_EQ(sink->answers[1].status, 500);
  {
    auto const function = Responder{sink}.into_function();
    auto const copy = function;
    copy(Response::text("third"));
    function(Response::text("fourth"));
  }
  ASSERT_EQ(sink->answers.size(), 3U);
  EXPECT_EQ(sink->answers[2].body, "third");
}

} // namespace
} // namespace weave::http
