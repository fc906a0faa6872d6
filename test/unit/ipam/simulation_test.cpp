#include <cstdlib>
#include <ostream>

#include <gtest/gtest.h>

#include "test/unit/ipam/mesh_simulation.hpp"

namespace weave::test {
namespace {

using Story = void (*)(MeshSimulation&);

struct NamedStory {
  char const* name;
  Story tell;
  SimulationOptions options = {};
  /// Whether the story may give one address twice; the simulation says when.
  bool undecided = false;
};

std::uint64_t from_environment(char const* name, std::uint64_t otherwise) {
  auto const* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

void PrintTo(NamedStory const& story, std::ostream* out) { *out << story.name; }

/// WEAVE_SIM_SEED replays one seed of a story, WEAVE_SIM_COUNT runs that many of each.
class Simulation : public testing::TestWithParam<NamedStory> {};

void tell(NamedStory const& story, MeshSimulation& mesh) {
  mesh.run(std::chrono::minutes{1});
  story.tell(mesh);
  mesh.run(std::chrono::minutes{1});
  mesh.finish();
}

std::string trouble(NamedStory const& story, std::uint64_t seed, std::vector<std::string> const& faults) {
  auto text = "seed " + std::to_string(seed) + "; replay with\n  WEAVE_SIM_SEED=" + std::to_string(seed) +
              " ipam-test --gtest_filter='*Simulation*/" + story.name + "'\n";
  for (auto const& fault : faults) text += fault + '\n';
  return text;
}

TEST_P(Simulation, every_address_is_held_once_and_none_is_lost) {
  auto const& story = GetParam();
  SimulationCounts total;
  auto const first = from_environment("WEAVE_SIM_SEED", 0);
  auto const count = std::getenv("WEAVE_SIM_SEED") != nullptr ? 1 : from_environment("WEAVE_SIM_COUNT", 60);
  // What may happen in a story, and seldom does, is waited for a while.
  auto const wanted = [&](auto seed) {
    return seed < first + count ||
           (count >= 20 && story.undecided && total.duplicates == 0 && seed < first + 5 * count);
  };
  for (auto seed = first; wanted(seed); ++seed) {
    MeshSimulation mesh{seed, story.options};
    tell(story, mesh);
    ASSERT_TRUE(mesh.faults().empty()) << trouble(story, seed, mesh.faults());
    total += mesh.counts();
  }
  RecordProperty("schedules", static_cast<int>(count));
  RecordProperty("granted", total.granted);
  RecordProperty("refused", total.refused);
  RecordProperty("crashes", total.crashes);
  RecordProperty("duplicates", total.duplicates);
  RecordProperty("links_dropped", total.links_dropped);
  RecordProperty("drained", total.drained);
  RecordProperty("original_ties", total.original_ties);
  if (count < 20) return;
  // A run in which nothing happened proves nothing.
  EXPECT_GT(total.granted, static_cast<int>(count) * 20);
  EXPECT_GT(total.refused, static_cast<int>(count));
  EXPECT_GT(total.crashes, static_cast<int>(count));
  EXPECT_EQ(total.duplicates > 0, story.undecided);
  EXPECT_LE(total.original_ties, static_cast<int>(count) / 20);
}

constexpr SimulationOptions kWithOriginals{.originals = true};

INSTANTIATE_TEST_SUITE_P(
    Schedules, Simulation,
    testing::Values(
        NamedStory{"storm", [](MeshSimulation&) {}},
        NamedStory{"take_over_dead", [](MeshSimulation& mesh) { mesh.take_over_dead(); }},
        NamedStory{"retire", [](MeshSimulation& mesh) { mesh.retire(false); }},
        NamedStory{"retire_cut_off", [](MeshSimulation& mesh) { mesh.retire(true); }},
        NamedStory{"lose_state", [](MeshSimulation& mesh) { mesh.lose_state(); }},
        NamedStory{"rename", [](MeshSimulation& mesh) { mesh.rename(); }},
        NamedStory{"return_empty", [](MeshSimulation& mesh) { mesh.return_from_the_dead(false); }, {}, true},
        NamedStory{"return_with_containers", [](MeshSimulation& mesh) { mesh.return_from_the_dead(true); }, {}, true},
        NamedStory{"take_over_twice", [](MeshSimulation& mesh) { mesh.take_over_twice(); }, {}, true},
        NamedStory{"take_over_living", [](MeshSimulation& mesh) { mesh.take_over_living(); }, {}, true},
        NamedStory{"change_universe", [](MeshSimulation& mesh) { mesh.change_universe(); }, {}, true},
        NamedStory{"originals_storm", [](MeshSimulation&) {}, kWithOriginals},
        NamedStory{"originals_take_over_dead", [](MeshSimulation& mesh) { mesh.take_over_dead(); }, kWithOriginals},
        NamedStory{"originals_retire", [](MeshSimulation& mesh) { mesh.retire(false); }, kWithOriginals},
        NamedStory{"originals_lose_state", [](MeshSimulation& mesh) { mesh.lose_state(); }, kWithOriginals},
        NamedStory{"originals_return", [](MeshSimulation& mesh) { mesh.return_from_the_dead(true); }, kWithOriginals,
                   true},
        NamedStory{"originals_take_over_living", [](MeshSimulation& mesh) { mesh.take_over_living(); }, kWithOriginals,
                   true}),
    [](testing::TestParamInfo<NamedStory> const& story) { return story.param.name; });

TEST(SimulationClock, wall_clock_jumps_change_nothing) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    MeshSimulation steady{seed, {.wall_clock_jumps = false}};
    MeshSimulation jumping{seed, {.wall_clock_jumps = true}};
    for (auto* const mesh : {&steady, &jumping}) {
      mesh->run(std::chrono::minutes{2});
      mesh->finish();
    }
    ASSERT_EQ(steady.digest(), jumping.digest()) << "seed " << seed;
    ASSERT_GT(steady.counts().granted, 10);
  }
}

TEST(SimulationReplay, a_seed_always_tells_the_same_story) {
  std::uint64_t digests[2];
  for (auto& digest : digests) {
    MeshSimulation mesh{7};
    mesh.run(std::chrono::minutes{2});
    mesh.finish();
    digest = mesh.digest();
  }
  EXPECT_EQ(digests[0], digests[1]);
}

} // namespace
} // namespace weave::test
