#include <cstdlib>

#include <gtest/gtest.h>

#include "test/unit/ipam/mesh_simulation.hpp"

namespace weave::test {
namespace {

std::string joined(std::vector<std::string> const& texts) {
  std::string all;
  for (auto const& text : texts) all += text + '\n';
  return all;
}

/// WEAVE_SIM_SEED replays one seed, WEAVE_SIM_COUNT runs that many.
std::pair<std::uint64_t, std::uint64_t> seeds(std::uint64_t count) {
  if (auto const* const seed = std::getenv("WEAVE_SIM_SEED")) return {std::stoull(seed), std::stoull(seed) + 1};
  if (auto const* const wanted = std::getenv("WEAVE_SIM_COUNT")) return {0, std::stoull(wanted)};
  return {0, count};
}

TEST(AllocatorSimulation, no_address_is_ever_held_twice) {
  int granted = 0;
  int refused = 0;
  int crashes = 0;
  auto const [from, to] = seeds(300);
  for (auto seed = from; seed < to; ++seed) {
    MeshSimulation mesh{seed};
    mesh.run(std::chrono::minutes{3});
    mesh.calm_down();
    mesh.expect_same_rings();
    ASSERT_TRUE(mesh.faults().empty()) << "seed " << seed << "\n" << joined(mesh.faults());
    granted += mesh.granted();
    refused += mesh.refused();
    crashes += mesh.crashes();
  }
  RecordProperty("granted", granted);
  EXPECT_GT(granted, static_cast<int>(to - from) * 5) << refused << " refused, " << crashes << " crashes";
}

TEST(AllocatorSimulation, a_dead_peer_s_addresses_are_taken_over) {
  auto const [from, to] = seeds(60);
  for (auto seed = from; seed < to; ++seed) {
    MeshSimulation mesh{seed + 1'000'000};
    mesh.run(std::chrono::minutes{1});
    mesh.bury_one();
    mesh.run(std::chrono::minutes{1});
    mesh.calm_down();
    mesh.expect_same_rings();
    ASSERT_TRUE(mesh.faults().empty()) << "seed " << seed << "\n" << joined(mesh.faults());
  }
}

TEST(AllocatorSimulation, a_leaving_peer_hands_over) {
  auto const [from, to] = seeds(60);
  for (auto seed = from; seed < to; ++seed) {
    MeshSimulation mesh{seed + 2'000'000};
    mesh.run(std::chrono::minutes{1});
    mesh.retire_one();
    mesh.run(std::chrono::minutes{1});
    mesh.calm_down();
    mesh.expect_same_rings();
    ASSERT_TRUE(mesh.faults().empty()) << "seed " << seed << "\n" << joined(mesh.faults());
  }
}

} // namespace
} // namespace weave::test
