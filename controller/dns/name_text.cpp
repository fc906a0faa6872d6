#include "controller/dns/name_text.hpp"

#include <algorithm>

namespace weave::controller::dns {
namespace {

constexpr std::size_t kMaxLabel = 63;
/// In presentation format with the final dot; on the wire that is one more.
constexpr std::size_t kMaxName = 254;

} // namespace

std::string lower_case(std::string_view name) {
  std::string result{name};
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return result;
}

std::string qualified(std::string_view name) {
  std::string result{name};
  if (!result.ends_with('.')) result += '.';
  return result;
}

bool is_inside(std::string_view name, std::string_view domain) {
  auto const lower_name = qualified(lower_case(name));
  auto const lower_domain = qualified(lower_case(domain));
  return lower_name == lower_domain || lower_name.ends_with("." + lower_domain);
}

bool is_registrable(std::string_view qualified_name) {
  auto rest = qualified_name;
  if (rest.size() > kMaxName) return false;
  if (std::ranges::any_of(rest, [](unsigned char c) { return c <= ' ' || c == 0x7f; })) return false;
  while (!rest.empty()) {
    auto const dot = rest.find('.');
    if (dot == 0 || dot > kMaxLabel) return false;
    rest.remove_prefix(dot + 1);
  }
  return true;
}

} // namespace weave::controller::dns
