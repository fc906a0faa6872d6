#include "plugin/dispatcher.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/async/asio_scheduler.hpp"
#include "base/http/blocking_client.hpp"
#include "plugin/plugin_listener.hpp"
#include "test/unit/http/http_fixture.hpp"
#include "test/unit/plugin/plugin_fakes.hpp"

namespace weave::plugin {
namespace {

using test::PluginBench;

TEST(Dispatcher, AnswersTheConstantMethods) {
  PluginBench bench;
  for (auto const* body : {"", "{}", "ignored"}) {
    EXPECT_EQ(bench.good("Plugin.Activate", body), R"({"Implements":["NetworkDriver","IpamDriver"]})");
    EXPECT_EQ(bench.good("NetworkDriver.GetCapabilities", body),
              R"({"Err":"","Scope":"local","ConnectivityScope":""})");
    EXPECT_EQ(bench.good("IpamDriver.GetCapabilities", body),
              R"({"RequiresMACAddress":false,"RequiresRequestReplay":false})");
    EXPECT_EQ(bench.good("IpamDriver.GetDefaultAddressSpaces", body),
              R"({"Error":"","LocalDefaultAddressSpace":"weavelocal","GlobalDefaultAddressSpace":"weaveglobal"})");
    EXPECT_EQ(bench.good("IpamDriver.ReleasePool", body), "{}");
    EXPECT_EQ(bench.good("NetworkDriver.FreeNetwork", body), "null");
  }
  EXPECT_EQ(bench.call("Plugin.Activate", "").content_type, "application/vnd.docker.plugins.v1.1+json");
  EXPECT_EQ(bench.good("NetworkDriver.AllocateNetwork", R"({"NetworkID":"a","Options":{"b":"c"},"IPv4Data":null})"),
            R"({"Err":"","Options":{"b":"c"}})");
  bench.restart({}, Scope::global);
  EXPECT_EQ(bench.good("NetworkDriver.GetCapabilities", ""), R"({"Err":"","Scope":"global","ConnectivityScope":""})");
}

TEST(Dispatcher, RefusesUnknownMethodsAndVerbs) {
  PluginBench bench;
  for (auto const* method :
       {"NetworkDriver.RevokeExternalConnectivity", "NetworkDriver.ProgramExternalConnectivity", "", "x/y"}) {
    EXPECT_EQ(bench.bad(method, "{}"), "404 404 page not found\n") << method;
  }
  auto const reply = std::make_shared<test::Reply>();
  bench.dispatcher->handle(http::Request{.method = "GET", .target = "/Plugin.Activate", .headers = {}, .body = {}},
                           http::Responder{std::make_shared<test::ReplySink>(reply)});
  EXPECT_EQ(*reply, (test::Reply{.status = 405, .body = "", .content_type = ""}));
}

TEST(Dispatcher, RefusesBodiesItCannotRead) {
  PluginBench bench;
  for (auto const* method : {"NetworkDriver.CreateNetwork", "NetworkDriver.DeleteNetwork",
                             "NetworkDriver.AllocateNetwork", "NetworkDriver.CreateEndpoint", "NetworkDriver.Join",
                             "NetworkDriver.Leave", "NetworkDriver.DeleteEndpoint", "NetworkDriver.EndpointOperInfo",
                             "IpamDriver.RequestPool", "IpamDriver.RequestAddress", "IpamDriver.ReleaseAddress"}) {
    for (auto const& body :
         {std::string{}, std::string{"{"}, std::string{"[]"}, std::string{"null"}, std::string{"{} x"},
          std::string{"\0\xff", 2}, std::string(100'000, '['), std::string{R"({"NetworkID":7,"PoolID":7,"Pool":7})"}}) {
      auto const answer = bench.call(method, body);
      EXPECT_EQ(answer.status, 400) << method << " " << body.substr(0, 20);
      EXPECT_TRUE(answer.body.starts_with("Unable to decode JSON payload: ")) << answer.body;
    }
  }
  EXPECT_EQ(bench.call("NetworkDriver.CreateEndpoint", R"({"Interface":{"Address":1}})").status, 400);
  EXPECT_EQ(bench.call("NetworkDriver.CreateNetwork", R"({"IPv4Data":[{"Pool":1}]})").status, 400);
  EXPECT_EQ(bench.call("IpamDriver.RequestPool", R"({"V6":"true"})").status, 400);
}

TEST(Decode, SkipsWhatItDoesNotKnow) {
  auto const request =
      decode<RequestAddressRequest>(R"({"PoolID":"p","Address":null,"Options":{"a":"b","c":[1]},"Future":{"x":[{}]}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(*request, (RequestAddressRequest{.pool_id = "p", .address = "", .options = {{"a", "b"}}}));
}

/// Both sockets, for real.
class PluginListenerTest : public ::testing::Test {
 protected:
  ~PluginListenerTest() override {
    control.run([this] { listener.reset(); });
  }
  std::string ask(std::string const& socket, std::string const& method, std::string body = {}) {
    auto const answer = http::request_and_wait(
        http::Endpoint::unix_socket(directory.file(socket)),
        http::Request{.method = "POST", .target = "/" + method, .headers = {}, .body = std::move(body)},
        std::chrono::seconds{5});
    return answer ? answer->body : answer.error().text();
  }
  Result<void> listen(std::vector<PluginSocket> sockets) {
    return control.run([&] {
      if (!listener) {
        listener = std::make_unique<PluginListener>(control.context, *bench.network, *bench.ipam, Logger{});
      }
      return listener->listen(std::move(sockets));
    });
  }
  std::vector<PluginSocket> both(Scope weave_scope) {
    std::vector<PluginSocket> sockets;
    sockets.push_back({.path = directory.file("weave.sock"), .scope = weave_scope, .inherited = {}});
    sockets.push_back({.path = directory.file("weavemesh.sock"), .scope = Scope::local, .inherited = {}});
    return sockets;
  }

  test::TemporaryDirectory directory;
  test::PluginBench bench;
  test::ControlThread control;
  std::unique_ptr<PluginListener> listener;
};

TEST_F(PluginListenerTest, ServesBothDriversOnBothSockets) {
  ASSERT_TRUE(listen(both(Scope::global)));
  EXPECT_EQ(listener->paths().size(), 2U);
  for (auto const* socket : {"weave.sock", "weavemesh.sock"}) {
    EXPECT_EQ(ask(socket, "Plugin.Activate"), "{\"Implements\":[\"NetworkDriver\",\"IpamDriver\"]}\n");
    EXPECT_NE(ask(socket, "IpamDriver.RequestAddress", R"({"PoolID":"weavepool"})").find("10.32.0."),
              std::string::npos);
  }
  EXPECT_NE(ask("weave.sock", "NetworkDriver.GetCapabilities").find("\"global\""), std::string::npos);
  EXPECT_NE(ask("weavemesh.sock", "NetworkDriver.GetCapabilities").find("\"local\""), std::string::npos);
  EXPECT_EQ(bench.allocator.held.size(), 2U);
}

TEST_F(PluginListenerTest, RefusesWhatWouldAttachWhileThereIsAReason) {
  ASSERT_TRUE(listen(both(Scope::local)));
  control.run([&] { listener->refuse("it is off"); });
  for (auto const* method : {"NetworkDriver.CreateNetwork", "NetworkDriver.CreateEndpoint", "NetworkDriver.Join",
                             "IpamDriver.RequestAddress"}) {
    EXPECT_EQ(ask("weave.sock", method, R"({"PoolID":"weavepool"})"), "{\"Err\":\"it is off\"}\n") << method;
  }
  auto const* endpoint = R"({"NetworkID":"n","EndpointID":"e"})";
  for (auto const* method : {"NetworkDriver.Leave", "NetworkDriver.DeleteEndpoint", "NetworkDriver.DeleteNetwork"}) {
    EXPECT_EQ(ask("weave.sock", method, endpoint), "{}\n") << method;
  }
  control.run([&] { listener->refuse({}); });
  EXPECT_NE(ask("weave.sock", "IpamDriver.RequestAddress", R"({"PoolID":"weavepool"})").find("10.32.0."),
            std::string::npos);
}

TEST_F(PluginListenerTest, OpensAllSocketsOrNone) {
  auto sockets = both(Scope::local);
  sockets[1].path = "/proc/nowhere/x.sock";
  EXPECT_FALSE(listen(std::move(sockets)));
  EXPECT_FALSE(std::filesystem::exists(directory.file("weave.sock")));
  EXPECT_TRUE(listen(both(Scope::local)));
}

TEST_F(PluginListenerTest, RefusesOversizeBodies) {
  ASSERT_TRUE(listen(both(Scope::local)));
  EXPECT_EQ(ask("weave.sock", "IpamDriver.RequestPool", std::string(2'000'000, ' ')), "request body too large\n");
  EXPECT_EQ(ask("weave.sock", "IpamDriver.ReleasePool"), "{}\n");
}

TEST_F(PluginListenerTest, StopsWhenDockerHangsUp) {
  bench.allocator.waiting = true;
  ASSERT_TRUE(listen(both(Scope::local)));
  test::RawClient client{directory.file("weave.sock")};
  client.send(
      "POST /IpamDriver.RequestAddress HTTP/1.1\r\nHost: \r\nContent-Length: 22\r\n\r\n{\"PoolID\":\"weavepool\"}");
  while (control.run([this] { return bench.allocator.queue.empty(); })) {
  }
  client.close();
  while (control.run([this] { return bench.allocator.cancels == 0; })) {
  }
}

TEST_F(PluginListenerTest, DrainsAndRemovesItsSockets) {
  ASSERT_TRUE(listen(both(Scope::local)));
  std::promise<void> done;
  control.run([&] { listener->drain([&] { done.set_value(); }); });
  done.get_future().wait();
  EXPECT_FALSE(std::filesystem::exists(directory.file("weave.sock")));
  EXPECT_FALSE(std::filesystem::exists(directory.file("weavemesh.sock")));
}

} // namespace
} // namespace weave::plugin
