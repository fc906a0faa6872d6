#include "controller/docker/original_container.hpp"

#include <fstream>

#include <gtest/gtest.h>

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

} // namespace
} // namespace weave::controller::docker
