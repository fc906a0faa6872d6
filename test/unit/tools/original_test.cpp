#include "tools/original.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/http/server.hpp"
#include "test/fixtures/temporary_directory.hpp"

namespace weave::tools {
namespace {

/// A Docker engine that knows containers `weave` and `weavedb`.
class Original : public ::testing::Test {
 protected:
  Original() {
    settings.state_dir = directory + "/state";
    settings.variable = [this](std::string_view name) {
      return name == "DOCKER_HOST" ? std::optional{"unix://" + directory + "/docker.sock"} : std::nullopt;
    };
    server = std::make_unique<http::Server>(context, [this](http::Request const& request, http::Responder responder) {
      requests += fmt::format("{} {} {}\n", request.method, request.target, request.body);
      auto const& body = request.target.starts_with("/containers/weavedb/") ? data : daemon;
      bool const refused = request.method == "POST" && refuses_updates;
      responder.send({.status = body.empty() ? 404 : refused ? 500 : 200, .headers = {}, .body = body});
    });
    EXPECT_TRUE(server->bind_unix(directory + "/docker.sock"));
    thread = std::thread{[this] { context.run(); }};
  }
  ~Original() override { halt(); }

  void halt() {
    context.stop();
    if (thread.joinable()) thread.join();
  }
  std::optional<std::string> running() {
    Invocation call{.words = {}, .settings = settings, .out = printed, .err = printed};
    return running_original(call, "launch");
  }

  test::TemporaryDirectory own;
  std::string directory = own.path();
  Settings settings;
  std::ostringstream printed;
  std::string daemon;
  std::string data;
  bool refuses_updates = false;
  std::string requests;
  boost::asio::io_context context;
  std::unique_ptr<http::Server> server;
  std::thread thread;
};

std::string container(std::string_view image, bool running, std::string_view policy) {
  return fmt::format(
      R"({{"State":{{"Running":{}}},"Config":{{"Image":"{}"}},"HostConfig":{{"RestartPolicy":{{"Name":"{}"}}}}}})",
      running, image, policy);
}

TEST_F(Original, that_runs_is_told) {
  daemon = container("weaveworks/weave:2.8.1", true, "always");
  EXPECT_EQ(running(),
            "Weave Net is running in container weave; stop it with 'docker stop weave', then launch again\n");
  EXPECT_EQ(requests, "GET /containers/weave/json \n");
}

TEST_F(Original, that_is_stopped_does_not_come_back_with_docker) {
  daemon = container("weaveworks/weave:2.8.1", false, "always");
  EXPECT_EQ(running(), std::nullopt);
  EXPECT_EQ(requests,
            "GET /containers/weave/json \nPOST /containers/weave/update {\"RestartPolicy\":{\"Name\":\"no\"}}\n");
  EXPECT_EQ(printed.str(),
            "Docker will not start the container weave of Weave Net again when it starts itself: its "
            "restart policy is 'no' now\n");
}

TEST_F(Original, that_may_come_back_is_warned_of) {
  daemon = container("weaveworks/weave:2.8.1", false, "always");
  refuses_updates = true;
  EXPECT_EQ(running(), std::nullopt);
  EXPECT_EQ(printed.str(),
            "WARNING: Docker starts the container weave of Weave Net again when it starts itself; "
            "remove it with 'docker rm weave'\n");
}

TEST_F(Original, whose_container_is_not_there_or_somebody_elses_is_nothing) {
  EXPECT_EQ(running(), std::nullopt);
  daemon = container("weaveworks/weave:2.8.1", false, "no");
  EXPECT_EQ(running(), std::nullopt);
  daemon = container("nginx", true, "always");
  EXPECT_EQ(running(), std::nullopt);
  halt();
  server.reset();
  EXPECT_EQ(running(), std::nullopt);
  EXPECT_EQ(requests.find("POST"), std::string::npos);
  EXPECT_EQ(printed.str(), "");
}

TEST_F(Original, has_its_database_in_the_volume_that_docker_names) {
  EXPECT_EQ(original_database(settings), std::nullopt);
  data = fmt::format(R"({{"Mounts":[{{"Destination":"/weavedb","Source":"{}/a volume"}}]}})", directory);
  EXPECT_EQ(original_database(settings), std::nullopt);
  std::filesystem::create_directories(directory + "/a volume");
  std::ofstream{directory + "/a volume/weavedata.db"} << "x";
  EXPECT_EQ(original_database(settings), directory + "/a volume/weavedata.db");
}

} // namespace
} // namespace weave::tools
