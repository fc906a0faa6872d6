#include "base/http/server.hpp"

#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "test/fakes/log_recorder.hpp"
#include "test/unit/http/http_fixture.hpp"

namespace weave::http {
namespace {

using test::RawClient;

class ServerTest : public ::testing::Test {
 protected:
  ~ServerTest() override {
    control.run([this] {
      waiting.clear();
      server.reset();
    });
  }

  void serve(ServerOptions options = {}) {
    control.run([&] {
      server = std::make_unique<Server>(
          control.context,
          [this](Request request, Responder responder) { on(std::move(request), std::move(responder)); }, options,
          Logger{log});
      ASSERT_TRUE(server->bind_unix(path));
    });
  }
  /// /echo answers the body, /wait keeps the responder, /drop drops it, /throw throws.
  void on(Request request, Responder responder) {
    auto const where = std::string{request.path()};
    if (where == "/echo") return responder.send(Response::text(request.method + " " + request.body));
    if (where == "/split") {
      Response response = Response::text("x");
      response.headers.add("X-Evil", "a\r\nSet-Cookie: b");
      return responder.send(std::move(response));
    }
    if (where == "/empty") return responder.send(Response{.status = 204, .headers = {}, .body = "not sent"});
    if (where == "/throw") throw std::runtime_error{"on purpose"};
    if (where == "/wait") {
      responder.on_abandoned([this] { left.set_value(); });
      waiting.push_back(std::move(responder));
      arrived.set_value();
    }
  }
  std::string ask(std::string const& text) {
    RawClient client{path};
    client.send(text);
    return client.read_all();
  }

  test::TemporaryDirectory directory;
  std::string path = directory.file("server.sock");
  std::shared_ptr<test::LogRecorder> log = std::make_shared<test::LogRecorder>();
  test::ControlThread control;
  std::unique_ptr<Server> server;
  std::vector<Responder> waiting;
  std::promise<void> arrived;
  std::promise<void> left;
};

std::string post(std::string const& target, std::string const& body, std::string const& fields = {}) {
  return "POST " + target + " HTTP/1.1\r\nHost: \r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields +
         "\r\n" + body;
}

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  serve();
  RawClient client{path};
  for (int i = 0; i < 3; ++i) {
    client.send(post("/echo", "hello"));
    auto const answer = client.read_until("POST hello");
    EXPECT_NE(answer.find("HTTP/1.1 200 OK\r\n"), std::string::npos);
    EXPECT_NE(answer.find("Content-Length: 10\r\n"), std::string::npos);
    client.forget();
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  serve();
  RawClient client{path};
  client.send(post("/echo", "one") + post("/echo", "two") + post("/echo", "three", "Connection: close\r\n"));
  auto const all = client.read_all();
  auto const one = all.find("POST one");
  auto const two = all.find("POST two");
  auto const three = all.find("POST three");
  EXPECT_TRUE(one < two && two < three && three != std::string::npos) << all;
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, TakesRequestsByteByByteAndChunked) {
  serve();
  RawClient client{path};
  for (auto const letter : post("/echo", "slow")) client.send(std::string{letter});
  client.read_until("POST slow");
  client.send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_NE(client.read_until("POST abcde").find("POST abcde"), std::string::npos);
}

TEST_F(ServerTest, AllowsTheBodyWhenAskedFirst) {
  serve();
  RawClient client{path};
  client.send("POST /echo HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_NE(client.read_until("100 Continue\r\n\r\n").find("100 Continue"), std::string::npos);
  client.send("abc");
  EXPECT_NE(client.read_until("POST abc").find("POST abc"), std::string::npos);
}

TEST_F(ServerTest, AnswersClientsThatStopSending) {
  serve();
  RawClient client{path};
  client.send("GET /echo HTTP/1.0\r\n\r\n");
  client.end_sending();
  EXPECT_NE(client.read_all().find("GET "), std::string::npos);
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, SendsNoBodyForHeadAndNoContent) {
  serve();
  auto const head = ask("HEAD /echo HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  auto const empty = ask("GET /empty HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_NE(empty.find("204 No Content"), std::string::npos);
  EXPECT_TRUE(empty.ends_with("\r\n\r\n")) << empty;
}

TEST_F(ServerTest, RefusesGarbage) {
  serve();
  for (auto const& garbage :
       {std::string{"\x16\x03\x01\x02garbage\r\n\r\n"}, std::string{"GET\r\n\r\n"}, std::string{"\0\0\0\0\r\n", 6},
        std::string{"GET / HTTP/9.9\r\n\r\n"}, std::string{"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"},
        std::string{"GET / HTTP/1.1\r\nbad header\r\n\r\n"}}) {
    auto const answer = ask(garbage);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  }
  EXPECT_NE(ask(post("/echo", "still here", "Connection: close\r\n")).find("still here"), std::string::npos);
}

TEST_F(ServerTest, RefusesLongHeadersAndBodies) {
  serve(ServerOptions{.body_limit = 1000, .header_limit = 2000});
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n").starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(ask(post("/echo", std::string(5'000'000, 'x'))).starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("POST / HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n").starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n" + std::string(5000, 'x'))
                  .starts_with("HTTP/1.1 413 "));
}

TEST_F(ServerTest, CutsSlowRequests) {
  serve(ServerOptions{.read_timeout = std::chrono::milliseconds{200}});
  RawClient client{path};
  client.send("POST /echo HTTP/1.1\r\nContent-Le");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, ClosesIdleConnections) {
  serve(ServerOptions{.idle_timeout = std::chrono::milliseconds{100}});
  RawClient client{path};
  client.send(post("/echo", "a"));
  client.read_all();
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, AnswersForHandlersThatFail) {
  serve();
  EXPECT_TRUE(ask("GET /drop HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(ask("GET /throw HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 500 "));
  EXPECT_EQ(log->count("on purpose"), 1U);
}

TEST_F(ServerTest, KeepsHeaderValuesOnOneLine) {
  serve();
  auto const answer = ask("GET /split HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.find("\r\nSet-Cookie"), std::string::npos) << answer;
}

TEST_F(ServerTest, AnswersLater) {
  serve();
  RawClient client{path};
  client.send("GET /wait HTTP/1.1\r\n\r\n");
  arrived.get_future().wait();
  control.run([this] { waiting.at(0).send(Response::text("at last")); });
  EXPECT_NE(client.read_until("at last").find("at last"), std::string::npos);
}

TEST_F(ServerTest, TellsAWaitingHandlerThatTheClientLeft) {
  serve();
  RawClient client{path};
  client.send("GET /wait HTTP/1.1\r\n\r\n");
  arrived.get_future().wait();
  client.close();
  left.get_future().wait();
  control.run([this] {
    EXPECT_TRUE(waiting.at(0).abandoned());
    waiting.at(0).send(Response::text("too late"));
  });
  EXPECT_NE(ask(post("/echo", "next", "Connection: close\r\n")).find("next"), std::string::npos);
}

TEST_F(ServerTest, BoundsTheNumberOfConnections) {
  serve(ServerOptions{.max_connections = 4});
  // Busy ones cannot be closed to make room.
  std::vector<std::unique_ptr<RawClient>> busy;
  for (int i = 0; i < 4; ++i) {
    arrived = {};
    busy.push_back(std::make_unique<RawClient>(path));
    busy.back()->send("GET /wait HTTP/1.1\r\n\r\n");
    arrived.get_future().wait();
  }
  EXPECT_NE(ask(post("/echo", "x")).find("503"), std::string::npos);
  EXPECT_EQ(control.run([this] { return server->connections(); }), 4U);
  EXPECT_EQ(log->count("too many connections"), 1U);
  // Idle ones can.
  control.run([this] { waiting.clear(); });
  for (auto const& client : busy) client->read_until("dropped");
  std::vector<std::unique_ptr<RawClient>> flood;
  for (int i = 0; i < 200; ++i) flood.push_back(std::make_unique<RawClient>(path));
  EXPECT_NE(ask(post("/echo", "served", "Connection: close\r\n")).find("served"), std::string::npos);
  EXPECT_LE(control.run([this] { return server->connections(); }), 4U);
}

TEST_F(ServerTest, SurvivesAVanishedServer) {
  serve();
  RawClient client{path};
  client.send("GET /wait HTTP/1.1\r\n\r\n");
  arrived.get_future().wait();
  control.run([this] { server.reset(); });
  EXPECT_EQ(client.read_all(), "");
  control.run([this] { waiting.at(0).send(Response::text("nobody")); });
}

TEST_F(ServerTest, DrainsBeforeItEnds) {
  serve();
  RawClient idle{path};
  idle.send(post("/echo", "a"));
  idle.read_until("POST a");
  RawClient client{path};
  client.send("GET /wait HTTP/1.1\r\n\r\n");
  arrived.get_future().wait();
  std::promise<void> done;
  control.run([&] { server->drain([&] { done.set_value(); }); });
  EXPECT_FALSE(RawClient{path}.connected());
  idle.read_all();
  EXPECT_TRUE(idle.ended());
  control.run([this] { waiting.at(0).send(Response::text("the last word")); });
  auto const answer = client.read_all();
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("the last word"));
  client.close();
  done.get_future().wait();
}

TEST_F(ServerTest, SetsTheModeAndRemovesTheFile) {
  auto const old_mask = ::umask(0077);
  serve();
  ::umask(old_mask);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
  control.run([this] { server->close(); });
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ServerTest, ReplacesDeadSocketsOnly) {
  {
    // What a killed process leaves: a socket file without a listener.
    UniqueFd const fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  serve();
  auto const rival = control.run([this] {
    Server other{control.context, [](Request, Responder) {}};
    return other.bind_unix(path);
  });
  ASSERT_FALSE(rival);
  EXPECT_EQ(rival.error().kind(), ErrorKind::already_exists);
  EXPECT_NE(ask(post("/echo", "mine", "Connection: close\r\n")).find("mine"), std::string::npos);

  auto const file = directory.file("plain");
  std::ofstream{file} << "precious";
  EXPECT_FALSE(control.run([&] { return server->bind_unix(file); }));
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_FALSE(control.run([&] { return server->bind_unix(directory.file(std::string(200, 'x'))); }));
}

TEST_F(ServerTest, LeavesASuccessorsSocketAlone) {
  serve();
  std::filesystem::remove(path);
  std::ofstream{path} << "successor";
  control.run([this] { server->close(); });
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(ServerTest, MakesMissingDirectories) {
  serve();
  auto const deep = directory.file("a/b/c.sock");
  EXPECT_TRUE(control.run([&] { return server->bind_unix(deep); }));
  EXPECT_TRUE(RawClient{deep}.connected());
}

TEST_F(ServerTest, AdoptsAListeningDescriptor) {
  serve();
  auto const inherited = directory.file("inherited.sock");
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, inherited.data(), inherited.size());
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(fd.get(), 5), 0);
  RawClient early{inherited}; // connects before anybody serves, as Docker does under socket activation
  early.send(post("/echo", "patient", "Connection: close\r\n"));
  EXPECT_TRUE(control.run([&] { return server->adopt(std::move(fd)); }));
  EXPECT_NE(early.read_all().find("patient"), std::string::npos);
  EXPECT_EQ(control.run([this] { return server->endpoints(); }).at(1), Endpoint::unix_socket(inherited));
  control.run([this] { server->close(); });
  EXPECT_TRUE(std::filesystem::exists(inherited));
  EXPECT_FALSE(control.run([this] { return server->adopt(UniqueFd{::socket(AF_UNIX, SOCK_STREAM, 0)}); }));
}

} // namespace
} // namespace weave::http
