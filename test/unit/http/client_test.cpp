#include "base/http/client.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "base/http/blocking_client.hpp"
#include "base/http/server.hpp"
#include "test/unit/http/http_fixture.hpp"

namespace weave::http {
namespace {

using std::chrono::milliseconds;

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    control.run([this] {
      server = std::make_unique<Server>(control.context, [this](Request request, Responder responder) {
        if (request.path() == "/wait") return waiting.push_back(std::move(responder));
        if (request.path() == "/big") return responder.send(Response::text(std::string(3'000'000, 'x')));
        responder.send(Response::text(request.method + " " + request.target + " " + request.body, 201));
      });
      ASSERT_TRUE(server->bind_unix(path));
    });
  }
  ~ClientTest() override {
    control.run([this] {
      waiting.clear();
      server.reset();
    });
  }

  test::TemporaryDirectory directory;
  std::string path = directory.file("server.sock");
  test::ControlThread control;
  std::unique_ptr<Server> server;
  std::vector<Responder> waiting;
};

TEST_F(ClientTest, AsksAndGetsAnswers) {
  auto const answer = request_and_wait(Endpoint::unix_socket(path),
                                       Request{.method = "POST", .target = "/a?b=c", .headers = {}, .body = "text"},
                                       milliseconds{5000});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "POST /a?b=c text");
  EXPECT_EQ(answer->headers.get("content-type"), "text/plain; charset=utf-8");
}

TEST_F(ClientTest, SaysWhyItCannotConnect) {
  auto const ask = [](Endpoint const& endpoint) {
    return request_and_wait(endpoint, Request{}, milliseconds{5000}).error();
  };
  EXPECT_EQ(ask(Endpoint::unix_socket(directory.file("absent"))).kind(), ErrorKind::not_found);
  auto const dead = directory.file("dead.sock");
  control.run([&] { ASSERT_TRUE(server->bind_unix(dead)); });
  control.run([&] { server.reset(); });
  EXPECT_EQ(ask(Endpoint::unix_socket(dead)).kind(), ErrorKind::not_found);
  std::ofstream{dead} << "not a socket";
  EXPECT_EQ(ask(Endpoint::unix_socket(dead)).kind(), ErrorKind::unavailable);
  EXPECT_EQ(ask(Endpoint::unix_socket("/" + std::string(200, 'x'))).kind(), ErrorKind::malformed);
}

TEST_F(ClientTest, GivesUpInTime) {
  auto const answer = request_and_wait(Endpoint::unix_socket(path),
                                       Request{.target = "/wait", .headers = {}, .body = {}}, milliseconds{100});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind(), ErrorKind::timed_out);
}

TEST_F(ClientTest, RefusesTargetsThatWouldBeTwoLines) {
  auto const answer =
      request_and_wait(Endpoint::unix_socket(path), Request{.target = "/a HTTP/1.1\r\nX: y", .headers = {}, .body = {}},
                       milliseconds{5000});
  EXPECT_EQ(answer.error().kind(), ErrorKind::malformed);
}

TEST_F(ClientTest, BoundsTheAnswer) {
  boost::asio::io_context context;
  Client client{context, 1000};
  std::optional<Result<Response>> answer;
  client.request(Endpoint::unix_socket(path), Request{.target = "/big", .headers = {}, .body = {}}, milliseconds{5000},
                 [&](Result<Response> result) { answer = std::move(result); });
  EXPECT_FALSE(answer);
  context.run();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().kind(), ErrorKind::malformed);
}

TEST_F(ClientTest, CompletesOnceWhenCancelledAndNeverAfterItsEnd) {
  boost::asio::io_context context;
  auto client = std::make_unique<Client>(context);
  int completions = 0;
  auto const ask = [&] {
    client->request(Endpoint::unix_socket(path), Request{.target = "/wait", .headers = {}, .body = {}}, milliseconds{0},
                    [&](Result<Response> const& result) {
                      ++completions;
                      EXPECT_EQ(result.error().kind(), ErrorKind::cancelled);
                    });
  };
  ask();
  ask();
  context.poll();
  client->cancel_all();
  context.restart();
  context.run();
  EXPECT_EQ(completions, 2);
  ask();
  client->cancel_all();
  client.reset();
  context.restart();
  context.run();
  EXPECT_EQ(completions, 2);
}

TEST_F(ClientTest, TellsAnswersThatAreNotHttp) {
  auto const odd = directory.file("odd.sock");
  UniqueFd const fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, odd.data(), odd.size());
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(fd.get(), 5), 0);
  std::thread speaker{[&] {
    for (std::string const text : {"SSH-2.0-odd\r\n", ""}) {
      UniqueFd const client{::accept(fd.get(), nullptr, nullptr)};
      ::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
  }};
  for (int i = 0; i < 2; ++i) {
    auto const answer = request_and_wait(Endpoint::unix_socket(odd), Request{}, milliseconds{5000});
    ASSERT_FALSE(answer);
    EXPECT_TRUE(answer.error().kind() == ErrorKind::malformed || answer.error().kind() == ErrorKind::system)
        << answer.error().text();
  }
  speaker.join();
}

} // namespace
} // namespace weave::http
