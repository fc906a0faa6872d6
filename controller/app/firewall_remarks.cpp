#include "controller/app/firewall_remarks.hpp"

#include <fmt/format.h>

namespace weave::controller {
namespace {

constexpr auto kStopped = "traffic between containers may be stopped";

} // namespace

std::vector<api::HostWarning> firewall_remarks(datapath::FirewallState const& state, datapath::FirewallWish const& wish,
                                               std::string_view zone_obstacle) {
  std::vector<api::HostWarning> remarks;
  if (state.set_refusal) {
    remarks.push_back({.what = "--no-masq-local has no effect",
                       .cause = state.set_refusal->text(),
                       .next = "'weave doctor' shows what the kernel lacks"});
  }
  if (state.mixed) {
    remarks.push_back({.what = "every packet passes two firewalls",
                       .cause = "iptables-nft and iptables-legacy both have rules here",
                       .next = "choose one by 'update-alternatives --config iptables' and reboot"});
  }
  for (auto const& chain : state.foreign.closed) {
    remarks.push_back(
        {.what = kStopped,
         .cause = fmt::format("the chain {} of nftables drops what is forwarded", chain),
         .next = fmt::format("add rules 'iifname \"{0}\" accept' and 'oifname \"{0}\" accept' to it", wish.bridge)});
  }
  if (!zone_obstacle.empty()) {
    remarks.push_back(
        {.what = kStopped,
         .cause = fmt::format("firewalld did not take the bridge {} into a zone: {}", wish.bridge, zone_obstacle),
         .next = fmt::format("'firewall-cmd --permanent --zone=trusted --add-interface={}' and 'firewall-cmd --reload'",
                             wish.bridge)});
  }
  return remarks;
}

api::FirewallPlaces firewall_places(datapath::FirewallState const& state) {
  api::FirewallPlaces places{.rules = state.iptables,
                             .nftables_refusal = state.table_refusal ? state.table_refusal->text() : std::string{},
                             .docker_in_nftables = state.foreign.docker};
  if (!state.table_refusal) places.rules.insert(places.rules.begin(), "nftables");
  return places;
}

} // namespace weave::controller
