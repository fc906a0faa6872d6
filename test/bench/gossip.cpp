// Simulated meshes in virtual time: how long a change takes to reach everybody, and what peers say to one another when
// nothing happens. Everything is seeded: the same figures each time.
//   bench-gossip [peers...]      default: 100 300; the first is the reference

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "test/bench/figures.hpp"
#include "test/fakes/mesh_simulation.hpp"

namespace weave::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::MeshSimulation;

struct Outcome {
  std::uint32_t peers = 0;
  /// Virtual seconds until all know of a new connection between two peers: median and worst of several.
  double change = 0;
  double worst_change = 0;
  /// Sent by each peer while nothing changes.
  double rest_kbit = 0;
  double processor_seconds = 0;
};

[[nodiscard]] double seconds_of(Duration time) { return std::chrono::duration<double>(time).count(); }

/// A sparse mesh: each newcomer dials three of those that are there, nobody looks for more.
void grow(MeshSimulation& mesh, std::uint32_t peers) {
  mesh.network.set_latency(milliseconds{1}, milliseconds{10});
  gossip::MeshSettings settings;
  settings.discovery = false;
  for (std::uint32_t number = 1; number <= peers; ++number) {
    mesh.add(number, settings);
    for (int i = 0; i < 3 && number > 1; ++i) {
      mesh.connect(number, 1 + static_cast<std::uint32_t>(mesh.random.below(number - 1)));
    }
  }
  if (mesh.converge(seconds{300}) >= seconds{300}) std::abort();
}

/// A peer comes to know another one; how long until everybody knows it.
[[nodiscard]] double change(MeshSimulation& mesh, std::uint32_t peers) {
  auto const from = 1 + static_cast<std::uint32_t>(mesh.random.below(peers));
  auto const& ours = mesh.at(from);
  auto const before = ours.find_peer(ours.name())->version;
  auto const newcomer = [&] {
    while (true) {
      auto const to = 1 + static_cast<std::uint32_t>(mesh.random.below(peers));
      if (to != from && !ours.find_peer(ours.name())->connections.contains(mesh.name(to))) return to;
    }
  }();
  mesh.connect(from, newcomer);
  while (ours.find_peer(ours.name())->version == before) mesh.advance(milliseconds{10});
  return seconds_of(mesh.converge(seconds{60}));
}

[[nodiscard]] Outcome measure(std::uint32_t peers) {
  auto const start = std::chrono::steady_clock::now();
  MeshSimulation mesh{7};
  grow(mesh, peers);
  mesh.advance(seconds{30});
  Outcome outcome{.peers = peers};
  std::vector<double> changes;
  for (int i = 0; i < 7; ++i) {
    changes.push_back(change(mesh, peers));
    mesh.advance(seconds{5});
  }
  outcome.change = median(changes);
  outcome.worst_change = *std::max_element(changes.begin(), changes.end());
  constexpr auto kRest = seconds{30}; // each peer sends its complete state once
  auto const before = mesh.network.bytes_carried();
  mesh.advance(kRest);
  outcome.rest_kbit = static_cast<double>(mesh.network.bytes_carried() - before) * 8 / 1000 / seconds_of(kRest) / peers;
  outcome.processor_seconds = seconds_of(std::chrono::steady_clock::now() - start);
  return outcome;
}

void report(Outcome const& outcome, Outcome const& reference) {
  auto const of = [](Outcome const& each) { return std::to_string(each.peers) + " peers"; };
  print({of(outcome) + ": a change is known by all", outcome.change, "s (virtual)", of(reference), reference.change,
         "<= 3 s"});
  print({of(outcome) + ": the slowest of seven changes", outcome.worst_change, "s (virtual)", of(reference),
         reference.worst_change, "<= 3 s"});
  print({of(outcome) + ": sent by each peer at rest", outcome.rest_kbit, "kbit/s", of(reference), reference.rest_kbit,
         "<= 50 kbit/s"});
  print({of(outcome) + ": simulated on this machine in", outcome.processor_seconds, "s", of(reference),
         reference.processor_seconds});
}

} // namespace
} // namespace weave::bench

int main(int argc, char** argv) {
  std::vector<std::uint32_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10)));
  if (sizes.empty()) sizes = {100, 300};
  auto const reference = weave::bench::measure(sizes.front());
  weave::bench::report(reference, reference);
  for (std::size_t i = 1; i < sizes.size(); ++i) weave::bench::report(weave::bench::measure(sizes[i]), reference);
  return 0;
}
