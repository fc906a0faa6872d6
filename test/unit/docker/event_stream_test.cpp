#include <deque>

#include <gtest/gtest.h>

#include "controller/docker/docker_client.hpp"
#include "test/unit/http/http_fixture.hpp"

namespace weave::controller::docker {
namespace {

using namespace std::chrono_literals;

/// A server that says what it is told to, whatever it is asked: one script for each connection, a piece at a time. A
/// script's last piece "hold" keeps the connection until the end.
class RawServer {
 public:
  using Script = std::vector<std::string>;

  RawServer(std::string const& path, std::vector<Script> scripts)
      : listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
    if (::listen(listener_.get(), 5) != 0) std::abort();
    thread_ = std::thread{[this, scripts = std::move(scripts)] { serve(scripts); }};
  }
  ~RawServer() {
    if (thread_.joinable()) thread_.join();
  }
  std::vector<std::string> requests() {
    thread_.join();
    return requests_;
  }

 private:
  void serve(std::vector<Script> const& scripts) {
    std::deque<UniqueFd> held;
    for (auto const& script : scripts) {
      UniqueFd client{::accept(listener_.get(), nullptr, nullptr)};
      char text[4096];
      auto const count = ::recv(client.get(), text, sizeof text, 0);
      std::string const request{text, count > 0 ? static_cast<std::size_t>(count) : 0};
      requests_.push_back(request.substr(0, request.find(" HTTP/")));
      for (auto const& piece : script) {
        if (piece == "hold") {
          held.push_back(std::move(client));
          break;
        }
        ::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
      }
    }
  }

  UniqueFd listener_;
  std::thread thread_;
  std::vector<std::string> requests_;
};

std::string chunk(std::string const& text) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}

std::string whole(std::string const& body, std::string const& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string version(std::string const& newest, std::string const& oldest) {
  return whole(R"({"ApiVersion":")" + newest + R"(","MinAPIVersion":")" + oldest + "\"}");
}

std::string const kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
std::string const kStart =
    R"({"Type":"container","Action":"start","Actor":{"ID":"c1"},"time":1795581831,"timeNano":1795581831839536239})"
    "\n";
std::string const kDie = R"({"status":"die","id":"c1","from":"x","time":1795581832})"
                         "\n";

struct EventStreamTest : ::testing::Test {
  void follow(std::optional<std::chrono::nanoseconds> since = {}) {
    client->follow_events(since, {.on_open = [this] { seen.push_back("open"); },
                                  .on_event =
                                      [this](Result<EngineEvent> const& event) {
                                        seen.push_back(event ? "event " + event->container : event.error().text());
                                        if (on_seen) on_seen();
                                      },
                                  .on_end =
                                      [this](Error const& error) {
                                        seen.push_back("end");
                                        end = error;
                                      }});
  }
  /// Until `count` things have been seen.
  void run(std::size_t count) {
    context.restart();
    while (seen.size() < count && context.run_one_for(5s) > 0) {
    }
    ASSERT_EQ(seen.size(), count);
  }

  test::TemporaryDirectory directory;
  std::string path = directory.file("docker.sock");
  boost::asio::io_context context;
  std::unique_ptr<DockerClient> client =
      std::make_unique<DockerClient>(context, http::Endpoint::unix_socket(path), DockerLimits{.ask = 2s});
  std::vector<std::string> seen;
  std::function<void()> on_seen;
  std::optional<Error> end;
};

using Seen = std::vector<std::string>;

TEST_F(EventStreamTest, HandsOnEventsHoweverTheyAreCut) {
  auto const both = kStart + kDie;
  RawServer server{
      path,
      {{version("1.41", "1.12")},
       {kStreamHead, chunk(both.substr(0, 20)), chunk(both.substr(20)), chunk("oops\n"), chunk(kStart), "0\r\n\r\n"}}};
  follow(1795581831000000000ns);
  run(6);
  EXPECT_EQ(seen[0], "open");
  EXPECT_EQ(seen[2], "event c1");
  EXPECT_NE(seen[3].find("not JSON"), std::string::npos);
  EXPECT_EQ(seen[4], "event c1");
  EXPECT_EQ(end->kind(), ErrorKind::unavailable);
  auto const requests = server.requests();
  EXPECT_EQ(requests.at(0), "GET /version");
  EXPECT_TRUE(requests.at(1).starts_with("GET /v1.41/events?filters=%7B")) << requests.at(1);
  EXPECT_TRUE(requests.at(1).ends_with("&since=1795581831.000000000")) << requests.at(1);
}

TEST_F(EventStreamTest, SpeaksToOldAndNewEngines) {
  RawServer server{path,
                   {{version("1.24", "1.12")},
                    {kStreamHead, chunk(kDie)},
                    {version("1.52", "1.44")},
                    {kStreamHead, chunk(kStart), "0\r\n\r\n"}}};
  follow();
  run(3); // open, event, and an end without an end
  EXPECT_EQ(seen, (Seen{"open", "event c1", "end"}));
  EXPECT_EQ(end->kind(), ErrorKind::unavailable);
  EXPECT_FALSE(client->version());
  follow();
  run(6);
  auto const requests = server.requests();
  EXPECT_TRUE(requests.at(1).starts_with("GET /v1.24/events?"));
  EXPECT_TRUE(requests.at(3).starts_with("GET /v1.44/events?"));
}

TEST_F(EventStreamTest, SaysWhyItCannotFollow) {
  follow();
  EXPECT_FALSE(end) << "completed inside the call";
  run(1);
  EXPECT_EQ(end->kind(), ErrorKind::unavailable);
  RawServer server{path,
                   {{version("1.41", "1.12")},
                    {whole(R"({"message":"client version 1.41 is too old"})", "400 Bad Request")},
                    {version("1.18", "")},
                    {"HTTP/1.1 404"}}};
  follow();
  run(2);
  EXPECT_EQ(end->text(), "client version 1.41 is too old");
  EXPECT_FALSE(client->version());
  follow();
  run(3);
  EXPECT_EQ(end->text(), "the Docker engine speaks API 1.18, and 1.21 is needed");
  follow();
  run(4);
  EXPECT_EQ(seen, (Seen{"end", "end", "end", "end"}));
}

TEST_F(EventStreamTest, GivesUpOnAnEngineThatDoesNotBegin) {
  client = std::make_unique<DockerClient>(context, http::Endpoint::unix_socket(path), DockerLimits{.ask = 100ms});
  RawServer server{path, {{version("1.41", "1.12")}, {"hold"}, {version("1.41", "1.12")}, {kStreamHead, "hold"}, {}}};
  follow();
  run(1);
  EXPECT_EQ(end->kind(), ErrorKind::timed_out);
  // But once begun it may be silent for any time.
  follow();
  run(2);
  context.restart();
  context.run_for(300ms);
  EXPECT_EQ(seen, (Seen{"end", "open"}));
  follow(); // instead of the one before; takes the script that says nothing
  run(3);
}

TEST_F(EventStreamTest, IsSilentOnceStopped) {
  RawServer server{path, {{version("1.41", "1.12")}, {kStreamHead, chunk(kStart + kDie), chunk(kStart), "hold"}}};
  on_seen = [this] { client->stop_following(); };
  follow();
  run(2);
  context.restart();
  context.run_for(50ms);
  EXPECT_EQ(seen, (Seen{"open", "event c1"}));
}

TEST_F(EventStreamTest, MayBeDestroyedFromAnEvent) {
  RawServer server{path, {{version("1.41", "1.12")}, {kStreamHead, chunk(kStart + kDie), "hold"}}};
  on_seen = [this] { client.reset(); };
  follow();
  run(2);
  context.restart();
  context.run_for(50ms);
  EXPECT_EQ(seen, (Seen{"open", "event c1"}));
}

TEST_F(EventStreamTest, InspectsAContainer) {
  RawServer server{path,
                   {{version("1.41", "1.12")},
                    {whole(R"({"Id":"c1","Name":"/web","State":{"Running":true,"Pid":5}})")},
                    {whole(R"({"message":"No such container: x"})", "404 Not Found")}}};
  std::optional<Result<ContainerInfo>> answer;
  auto const keep = [&](Result<ContainerInfo> const& result) {
    answer = result;
    seen.push_back("");
  };
  client->inspect_container("c1", keep);
  run(1);
  EXPECT_EQ((*answer)->name, "web");
  client->inspect_container("x/y", keep);
  run(2);
  EXPECT_EQ(answer->error(), (Error{ErrorKind::not_found, "No such container: x"}));
  EXPECT_EQ(server.requests().at(2), "GET /v1.41/containers/x%2Fy/json");
}

} // namespace
} // namespace weave::controller::docker
