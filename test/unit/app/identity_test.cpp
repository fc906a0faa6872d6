#include "controller/app/identity.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "test/fixtures/vectors.hpp"

namespace weave::controller {
namespace {

TEST(Identity, derives_the_peer_name_as_the_original_does) {
  auto& file = test::VectorFile::load("mesh");
  auto const& table = file.named("system_peer_name").at("table").as_array();
  ASSERT_FALSE(table.empty());
  for (auto const& row : table) {
    std::string const input{row.at("input").as_string()};
    EXPECT_EQ(peer_name_from_system_id(input).to_string(), std::string{row.at("mac").as_string()}) << input;
  }
  file.covered("system_peer_name");
}

TEST(Identity, reads_the_machine_id_with_its_newline_and_falls_back_to_the_one_of_d_bus) {
  auto const root = std::filesystem::path{testing::TempDir()} / "identity-test";
  std::filesystem::create_directories(root / "var/lib/dbus");
  std::filesystem::create_directories(root / "etc");
  std::ofstream{root / "var/lib/dbus/machine-id"} << "bus\n";
  EXPECT_TRUE(read_system_id(root).starts_with("bus\n"));
  std::ofstream{root / "etc/machine-id"} << "machine\n";
  EXPECT_TRUE(read_system_id(root).starts_with("machine\n"));
  std::filesystem::remove_all(root);
}

} // namespace
} // namespace weave::controller
