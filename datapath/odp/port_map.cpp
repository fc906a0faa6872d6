#include "datapath/odp/port_map.hpp"

#include <charconv>

namespace weave::datapath::odp {
namespace {

constexpr std::string_view kTunnelPrefix = "vxlan-";

std::optional<std::uint16_t> port_in_name(std::string_view name) {
  if (!name.starts_with(kTunnelPrefix)) return std::nullopt;
  name.remove_prefix(kTunnelPrefix.size());
  std::uint16_t number = 0;
  auto const [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

std::optional<std::uint16_t> tunnel_port(Vport const& port) {
  if (port.type == VportType::vxlan) return port.udp_port ? port.udp_port : port_in_name(port.name);
  if (port.type == VportType::netdev) return port_in_name(port.name);
  return std::nullopt;
}

PortRole role_of(Vport const& port, PortMap::Naming const& naming) {
  if (tunnel_port(port)) return PortRole::tunnel;
  if (port.name == naming.user_port) return PortRole::user;
  if (port.type == VportType::netdev) return PortRole::local;
  return port.type == VportType::internal && naming.internal_is_local ? PortRole::local : PortRole::ignored;
}

} // namespace

PortMap::PortMap(std::span<Vport const> ports, Naming const& naming) {
  for (auto const& port : ports) {
    Entry const entry{port.name, role_of(port, naming), tunnel_port(port).value_or(0)};
    if (!entries_.emplace(port.number, entry).second) continue;
    if (entry.role == PortRole::user) user_ = port.number;
    if (entry.role == PortRole::tunnel) tunnels_.emplace(entry.udp_port, port.number);
  }
  for (auto const& [number, entry] : entries_) {
    if (entry.role == PortRole::local) locals_.push_back(number);
  }
}

PortRole PortMap::role(PortNo port) const {
  auto const found = entries_.find(port);
  return found == entries_.end() ? PortRole::ignored : found->second.role;
}

std::string_view PortMap::name(PortNo port) const {
  auto const found = entries_.find(port);
  return found == entries_.end() ? std::string_view{} : std::string_view{found->second.name};
}

std::optional<PortNo> PortMap::find(std::string_view name) const {
  for (auto const& [number, entry] : entries_) {
    if (entry.name == name) return number;
  }
  return std::nullopt;
}

std::optional<PortNo> PortMap::tunnel(std::uint16_t udp_port) const {
  auto const found = tunnels_.find(udp_port);
  if (found == tunnels_.end()) return std::nullopt;
  return found->second;
}

std::uint16_t PortMap::udp_port(PortNo port) const {
  auto const found = entries_.find(port);
  return found == entries_.end() ? std::uint16_t{0} : found->second.udp_port;
}

} // namespace weave::datapath::odp
