#include "datapath/tunnel/sleeve_suite.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#ifdef __aarch64__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "datapath/tunnel/aead_key.hpp"

namespace weave::datapath {
namespace {

constexpr std::array kNegotiable{SleeveSuite::chacha20_poly1305, SleeveSuite::aes_256_gcm};

bool has_aes_instructions() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("pclmul") != 0;
#elif defined(__aarch64__)
  return (::getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
  return false;
#endif
}

std::string joined(std::array<SleeveSuite, 2> const& suites) {
  std::string text;
  for (auto const suite : suites) {
    if (!AeadKey::create(suite)) continue;
    if (!text.empty()) text += ' ';
    text += to_string(suite);
  }
  return text;
}

/// Place of the word in the list, from 0.
std::optional<std::size_t> rank_of(std::string_view name, std::string_view list) {
  for (std::size_t rank = 0; !list.empty(); ++rank) {
    auto const end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == name) return rank;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return std::nullopt;
}

} // namespace

std::string_view to_string(SleeveSuite suite) {
  switch (suite) {
    case SleeveSuite::secretbox: return "secretbox";
    case SleeveSuite::chacha20_poly1305: return "chacha20-poly1305";
    case SleeveSuite::aes_256_gcm: return "aes-256-gcm";
  }
  return "secretbox";
}

std::string sleeve_suites(bool has_aes_instructions) {
  std::array<SleeveSuite, 2> order{SleeveSuite::aes_256_gcm, SleeveSuite::chacha20_poly1305};
  if (!has_aes_instructions) std::ranges::reverse(order);
  return joined(order);
}

std::string const& sleeve_suites_of_this_host() {
  static std::string const suites = [] {
    // The benchmarks compare them.
    auto const* const chosen = std::getenv("WEAVE_SLEEVE_SUITES");
    return chosen != nullptr ? std::string{chosen} : sleeve_suites(has_aes_instructions());
  }();
  return suites;
}

SleeveSuite choose_sleeve_suite(std::string_view ours, std::string_view theirs) {
  auto chosen = SleeveSuite::secretbox;
  std::optional<std::size_t> best;
  for (auto const suite : kNegotiable) {
    auto const mine = rank_of(to_string(suite), ours);
    auto const other = rank_of(to_string(suite), theirs);
    if (!mine || !other) continue;
    auto const rank = std::max(*mine, *other);
    if (best && *best <= rank) continue;
    best = rank;
    chosen = suite;
  }
  return chosen;
}

} // namespace weave::datapath
