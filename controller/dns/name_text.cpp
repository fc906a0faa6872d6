#include "controller/dns/name_text.hpp"

#include <algorithm>

namespace weave::controller::dns {

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

} // namespace weave::controller::dns
