#include "controller/ipam/formation.hpp"

#include <charconv>

#include <fmt/format.h>

namespace weave::controller::ipam {
namespace {

Result<Formation> parse_consensus(std::string_view value) {
  Formation formation;
  if (value.empty()) return formation;
  std::uint32_t count = 0;
  auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
  if (error != std::errc{} || end != value.data() + value.size()) {
    return failure(ErrorKind::malformed, fmt::format("invalid number of peers: {}", value));
  }
  if (count > 0) formation.peer_count = count;
  return formation;
}

Result<Formation> parse_seeds(std::string_view value) {
  Formation formation;
  while (!value.empty()) {
    auto const comma = value.find(',');
    auto const name = PeerName::parse(value.substr(0, comma));
    if (!name) return failure_of(name);
    formation.seeds.push_back(*name);
    value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
  }
  // An empty list means that nobody is left to form the ring alone, so the peers agree on it.
  if (!formation.seeds.empty()) formation.mode = Formation::Mode::seeds;
  return formation;
}

} // namespace

Result<Formation> parse_formation(std::string_view text) {
  auto const equals = text.find('=');
  auto const mode = text.substr(0, equals);
  auto const value = equals == std::string_view::npos ? std::string_view{} : text.substr(equals + 1);
  if (mode == "consensus") return parse_consensus(value);
  if (mode == "seed") {
    if (equals == std::string_view::npos)
      return failure(ErrorKind::malformed, "seed mode requires a list of peer names");
    return parse_seeds(value);
  }
  if (mode == "observer") {
    if (equals != std::string_view::npos) return failure(ErrorKind::malformed, "observer mode takes no parameter");
    return Formation{Formation::Mode::observer, {}, std::nullopt};
  }
  return failure(ErrorKind::malformed, fmt::format("unknown mode: {}", text));
}

std::uint32_t quorum_of(Formation const& formation, std::uint32_t configured_peers) {
  return formation.peer_count.value_or(configured_peers + 1) / 2 + 1;
}

} // namespace weave::controller::ipam
