#include "base/peer_name.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace weave {
namespace {

constexpr std::size_t kGroups = 6;
constexpr std::size_t kShortFormMaxGroups = 4;

/// Splits "a:b:c" into numbers; an empty text is an empty list. nullopt-like: false on any bad group.
bool parse_groups(std::string_view text, std::vector<std::uint64_t>& groups) {
  if (text.empty()) return true;
  while (true) {
    auto const colon = text.find(':');
    auto const group = text.substr(0, colon);
    if (group.empty() || group.size() > 2) return false;
    unsigned value = 0;
    auto const [end, error] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (error != std::errc{} || end != group.data() + group.size()) return false;
    groups.push_back(value);
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
  }
}

std::uint64_t fold(std::vector<std::uint64_t> const& groups) {
  std::uint64_t value = 0;
  for (auto const group : groups) value = value << 8 | group;
  return value;
}

} // namespace

Result<PeerName> PeerName::parse(std::string_view text) {
  auto const invalid = [input = text] {
    return failure(ErrorKind::malformed, fmt::format("invalid peer name format: \"{}\"", input));
  };
  // The original's scanner skips blanks in front.
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  auto const gap = text.find("::");
  if (gap == std::string_view::npos) {
    std::vector<std::uint64_t> groups;
    if (!parse_groups(text, groups) || groups.size() != kGroups) return invalid();
    return PeerName{fold(groups)};
  }
  std::vector<std::uint64_t> head;
  std::vector<std::uint64_t> tail;
  if (!parse_groups(text.substr(0, gap), head) || !parse_groups(text.substr(gap + 2), tail)) return invalid();
  auto const written = head.size() + tail.size();
  if (written == 0 || written > kShortFormMaxGroups) return invalid();
  head.resize(kGroups - tail.size(), 0);
  head.insert(head.end(), tail.begin(), tail.end());
  return PeerName{fold(head)};
}

std::array<std::uint8_t, 6> PeerName::bytes() const {
  std::array<std::uint8_t, 6> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(value_ >> (8 * (5 - i)));
  return bytes;
}

std::string PeerName::to_string() const {
  auto const b = bytes();
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5]);
}

} // namespace weave
