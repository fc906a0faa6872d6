// One core, packets of 1442 octets (a container's full frame on a path of 1500): what sealing and opening one takes in
// each suite. Wanted: the suites between our own peers clearly faster than the original's.
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sodium/core.h>

#include "datapath/tunnel/sleeve_cipher.hpp"
#include "test/bench/figures.hpp"

namespace weave::bench {
namespace {

using namespace datapath;

constexpr std::size_t kPacket = 1442;
constexpr int kRounds = 5;
constexpr int kPackets = 20'000;

SleeveKeying keying(bool we_dialled, std::string const& suite) {
  return {.session_key = std::make_shared<Secret const>(Bytes(32, 7)),
          .we_dialled = we_dialled,
          .ours = suite,
          .theirs = suite};
}

/// Microseconds a packet for sealing and for opening.
std::pair<double, double> measured(std::string const& suite) {
  auto const sender = *make_sleeve_cipher(keying(true, suite));
  auto const receiver = *make_sleeve_cipher(keying(false, suite));
  Bytes packet(kPacket);
  auto const seal = microseconds(kRounds, kPackets, [&] { sender->seal(packet, SleeveChannel::df); });
  std::vector<double> opening;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Bytes> packets(kPackets, Bytes(kPacket));
    for (auto& each : packets) sender->seal(each, SleeveChannel::df);
    std::size_t next = 0;
    opening.push_back(microseconds(1, kPackets, [&] {
      if (!receiver->open(packets[next++])) std::abort();
    }));
  }
  return {seal, median(std::move(opening))};
}

int run() {
  if (sodium_init() < 0) return 1;
  auto const [seal, open] = measured("");
  for (std::string const suite : {"chacha20-poly1305", "aes-256-gcm"}) {
    auto const [its_seal, its_open] = measured(suite);
    print(
        {.name = suite + " seal", .value = its_seal, .unit = "us", .reference = "secretbox", .reference_value = seal});
    print(
        {.name = suite + " open", .value = its_open, .unit = "us", .reference = "secretbox", .reference_value = open});
  }
  return 0;
}

} // namespace
} // namespace weave::bench

int main() { return weave::bench::run(); }
