#include "controller/app/firewall_ports.hpp"

#include <string_view>
#include <utility>

#include "base/http/endpoint.hpp"

namespace weave::controller {

datapath::FirewallWish firewall_of(Options const& options, std::string local_set) {
  datapath::FirewallWish wish{.bridge = options.weave_bridge,
                              .docker_bridge = options.docker_bridge,
                              .exposures = {},
                              .local_set = std::move(local_set),
                              .tcp_ports = {options.port},
                              .udp_ports = {options.port, static_cast<std::uint16_t>(options.port + 1)},
                              .loopback_ports = {},
                              .names = options.dns && !options.dns_listen};
  for (auto const& address : {options.http_addr, options.status_addr, options.metrics_addr}) {
    if (address.empty()) continue;
    auto const endpoint = http::Endpoint::parse(address);
    if (!endpoint || endpoint->is_unix()) continue;
    if (endpoint->host.starts_with("127.") || endpoint->host == "localhost") {
      wish.loopback_ports.push_back(endpoint->port);
    }
  }
  return wish;
}

bool is_docker_bridge(datapath::Link const& link) {
  constexpr std::string_view kPrefix = "br-";
  if (link.kind != "bridge") return false;
  if (link.name == "docker_gwbridge") return true;
  return link.name.size() == kPrefix.size() + 12 && link.name.starts_with(kPrefix) &&
         link.name.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string::npos;
}

} // namespace weave::controller
