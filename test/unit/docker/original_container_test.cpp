#include "controller/docker/original_container.hpp"

#include <fcntl.h>
#include <fstream>
#include <sys/file.h>

#include <gtest/gtest.h>

#include "base/unique_fd.hpp"
#include "test/fixtures/temporary_directory.hpp"

namespace weave::controller::docker {
namespace {

namespace fs = std::filesystem;

void put(fs::path const& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  std::ofstream{path} << content;
}

TEST(OriginalDaemon, is_known_by_its_image) {
  auto const found =
      decode_original_daemon(R"({"Name":"/weave","State":{"Running":true},"Config":{"Image":"weaveworks/weave:2.8.1"},)"
                             R"("HostConfig":{"RestartPolicy":{"Name":"always"}}})");
  ASSERT_TRUE(found.value());
  EXPECT_TRUE((*found)->running);
  EXPECT_TRUE((*found)->restarts);
  for (auto const* image : {"registry.example:5000/weaveworks/weave", "weaveworks/weave@sha256:00"}) {
    auto const text = std::string{R"({"Config":{"Image":")"} + image + R"("}})";
    ASSERT_TRUE(decode_original_daemon(text).value()) << image;
    EXPECT_FALSE((*decode_original_daemon(text))->restarts);
  }
  for (auto const* image : {"weaveworks/weaveexec:2.8.1", "someweaveworks/weave", "nginx", ""}) {
    EXPECT_FALSE(decode_original_daemon(std::string{R"({"Config":{"Image":")"} + image + R"("}})").value()) << image;
  }
  for (auto const* sign : {R"("Path":"/home/weave/weaver","Config":{"Image":"mirror/w:1"})",
                           R"("Config":{"Image":"mine/weave","Labels":{"works.weave.role":"system"}})"}) {
    EXPECT_TRUE(decode_original_daemon(std::string{"{"} + sign + "}").value()) << sign;
  }
  for (auto const* odd : {R"({"Config":7,"Path":["/home/weave/weaver"]})", R"({"Config":{"Labels":[]}})", "{}"}) {
    EXPECT_FALSE(decode_original_daemon(odd).value()) << odd;
  }
  EXPECT_FALSE(decode_original_daemon("[]"));
}

TEST(OriginalData, is_in_the_volume_weavedb) {
  EXPECT_EQ(decode_database_volume(R"({"Mounts":[{"Destination":"/w","Source":"/other"},)"
                                   R"({"Destination":"/weavedb","Source":"/d/volumes/v/_data"}]})")
                .value(),
            "/d/volumes/v/_data");
  EXPECT_EQ(decode_database_volume(R"({"Mounts":null})").value(), std::nullopt);
}

TEST(OriginalData, is_found_by_the_files_of_an_engine) {
  test::TemporaryDirectory const directory;
  auto const root = directory.path();
  EXPECT_EQ(original_database_below(root), std::nullopt);
  put(root / "containers/1/config.v2.json", R"({"Name":"/weave","MountPoints":{"/weavedb":{"Name":"wrong"}}})");
  put(root / "containers/2/config.v2.json", "torn {");
  put(root / "containers/3/config.v2.json",
      R"({"Name":"/weavedb","MountPoints":{"/weavedb":{"Name":"v","Source":""}}})");
  EXPECT_EQ(original_database_below(root), std::nullopt);
  put(root / "volumes/v/_data/weavedata.db", "x");
  EXPECT_EQ(original_database_below(root), (root / "volumes/v/_data/weavedata.db").string());
}

TEST(OriginalData, is_searched_where_the_engine_is_configured_to_keep_its_files) {
  test::TemporaryDirectory const directory;
  auto const root = directory.path();
  EXPECT_EQ(engine_directory(root), root / "var/lib/docker");
  put(root / "etc/docker/daemon.json", R"({"data-root":"/srv/docker","mtu":1400})");
  EXPECT_EQ(engine_directory(root), root / "srv/docker");
  put(root / "etc/docker/daemon.json", R"({"graph":"/old"})");
  EXPECT_EQ(engine_directory(root), root / "old");
  for (auto const* odd : {"", "[]", R"({"data-root":null})"}) {
    put(root / "etc/docker/daemon.json", odd);
    EXPECT_EQ(engine_directory(root), root / "var/lib/docker") << odd;
  }
  auto const nobody = http::Endpoint::parse("unix://" + (root / "nobody.sock").string()).value();
  put(root / "var/lib/docker/containers/1/config.v2.json",
      R"({"Name":"/weavedb","MountPoints":{"/weavedb":{"Name":"v"}}})");
  EXPECT_EQ(locate_original_database(nobody, root, std::chrono::milliseconds{50}), std::nullopt);
  auto const file = root / "var/lib/docker/volumes/v/_data/weavedata.db";
  put(file, "x");
  EXPECT_EQ(locate_original_database(nobody, root, std::chrono::milliseconds{50}), file.string());
}

TEST(OriginalData, is_in_use_while_somebody_holds_its_lock) {
  test::TemporaryDirectory const directory;
  auto const file = directory.path() / "weavedata.db";
  EXPECT_FALSE(is_database_in_use(file.string()));
  put(file, "x");
  EXPECT_FALSE(is_database_in_use(file.string()));
  UniqueFd const original{::open(file.c_str(), O_RDWR | O_CLOEXEC)};
  ASSERT_EQ(::flock(original.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_TRUE(is_database_in_use(file.string()));
}

} // namespace
} // namespace weave::controller::docker
