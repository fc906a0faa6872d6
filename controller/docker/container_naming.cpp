#include "controller/docker/container_naming.hpp"

#include <algorithm>
#include <tuple>

namespace weave::controller::docker {

namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 253; // 255 octets on the wire
constexpr std::size_t kShortId = 12;

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

bool less(std::string_view a, std::string_view b) {
  return std::ranges::lexicographical_compare(a, b, {}, lower, lower);
}

std::string_view without_last_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

/// Could be asked for by DNS, and shown to people.
bool is_name(std::string_view name) {
  if (name.size() > kLongestName) return false;
  if (!std::ranges::all_of(name, [](char letter) { return letter > ' ' && letter < '\x7f'; })) return false;
  for (;;) {
    auto const dot = name.find('.');
    auto const label = name.substr(0, dot);
    if (label.empty() || label.size() > kLongestLabel) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

} // namespace

bool operator<(ContainerName const& a, ContainerName const& b) {
  if (a.address != b.address) return a.address < b.address;
  return less(a.fqdn, b.fqdn);
}

ContainerNaming::ContainerNaming(std::string_view domain) : domain_{without_last_dot(domain)} {}

std::set<ContainerName> ContainerNaming::names_of(ContainerInfo const& container, IsOurs const& is_ours) const {
  std::set<ContainerName> names;
  auto const host = container.domainname.empty() ? container.hostname : container.hostname + "." + container.domainname;
  for (auto const& endpoint : container.endpoints) {
    if (!endpoint.address || !is_ours(endpoint)) continue;
    auto const add = [&](std::optional<std::string> name) {
      if (name) names.insert(ContainerName{.fqdn = *std::move(name), .address = *endpoint.address});
    };
    add(as_it_is(host));
    add(inside(container.name) ? as_it_is(container.name) : completed(container.name));
    for (auto const& alias : endpoint.aliases) {
      if (alias == container.id || alias == std::string_view{container.id}.substr(0, kShortId)) continue;
      add(without_last_dot(alias).find('.') == std::string_view::npos ? completed(alias) : as_it_is(alias));
    }
  }
  return names;
}

bool ContainerNaming::inside(std::string_view name) const {
  name = without_last_dot(name);
  if (name.size() < domain_.size()) return false;
  auto const rest = name.substr(name.size() - domain_.size());
  if (less(rest, domain_) || less(domain_, rest)) return false;
  return name.size() == domain_.size() || name[name.size() - domain_.size() - 1] == '.';
}

std::optional<std::string> ContainerNaming::as_it_is(std::string_view name) const {
  name = without_last_dot(name);
  if (!inside(name) || !is_name(name)) return std::nullopt;
  return std::string{name} + ".";
}

std::optional<std::string> ContainerNaming::completed(std::string_view name) const {
  return as_it_is(std::string{without_last_dot(name)} + "." + domain_);
}

} // namespace weave::controller::docker
