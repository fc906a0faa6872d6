#include "datapath/link/firewall_watch.hpp"

#include <cerrno>
#include <fstream>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <string_view>
#include <sys/socket.h>
#include <utility>

#include <fmt/format.h>

#include "datapath/link/overlay_table_script.hpp"

namespace weave::datapath {
namespace {

/// Ours, and those of the kernel from which they are reached.
std::vector<NftablesTable> iptables_tables() {
  return {{.family = NFPROTO_IPV4,
           .name = "filter",
           .chains = {"FORWARD", "INPUT", "WEAVE-FORWARD", "WEAVE-EXPOSE", "WEAVE-INPUT"}},
          {.family = NFPROTO_IPV4, .name = "nat", .chains = {"POSTROUTING", "WEAVE"}}};
}
/// The tables that exist. To ask for another one would make it.
constexpr auto kOlderTables = "/proc/thread-self/net/ip_tables_names";

} // namespace

Result<FirewallWatch> FirewallWatch::open() {
  auto tables = iptables_tables();
  tables.push_back({.family = NFPROTO_INET, .name = std::string{kOverlayTable}});
  // What is lost there is its own business, but for its zones.
  for (auto const family : {NFPROTO_INET, NFPROTO_IPV4}) {
    tables.push_back({.family = family, .name = "firewalld", .chains = {"filter_FORWARD_ZONES"}});
  }
  auto nftables = NftablesWatch::open(std::move(tables));
  if (!nftables) return failure_of(nftables);
  UniqueFd socket{::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)};
  if (!socket) return std::unexpected{system_error("socket for iptables", errno)};
  return FirewallWatch{std::move(*nftables), std::move(socket)};
}

Result<FirewallTouch> FirewallWatch::touched() {
  auto const count = nftables_.read();
  if (!count) return failure_of(count);
  bool const loss = nftables_.take_loss();
  if (!*count || loss) return FirewallTouch::loss;
  return **count > 0 ? FirewallTouch::some : FirewallTouch::none;
}

std::string FirewallWatch::older_tables() const {
  std::string shape;
  std::ifstream names{kOlderTables};
  for (std::string name; names >> name;) {
    ipt_getinfo info{};
    if (name.size() >= sizeof info.name) continue;
    name.copy(info.name, sizeof info.name - 1);
    socklen_t size = sizeof info;
    if (::getsockopt(tables_.get(), IPPROTO_IP, IPT_SO_GET_INFO, &info, &size) != 0) continue;
    shape += fmt::format("{} {} {};", name, info.num_entries, info.size);
  }
  return shape;
}

bool FirewallWatch::older_tables_changed() {
  auto now = older_tables();
  bool const changed = older_ && *older_ != now;
  older_ = std::move(now);
  return changed;
}

} // namespace weave::datapath
