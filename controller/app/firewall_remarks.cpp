#include "controller/app/firewall_remarks.hpp"

#include <fmt/format.h>

namespace weave::controller {

std::vector<std::string> firewall_remarks(datapath::FirewallState const& state, datapath::FirewallWish const& wish,
                                          std::string_view zone_obstacle) {
  std::vector<std::string> remarks;
  if (state.table_refusal) {
    remarks.push_back(fmt::format("firewall: all rules are in iptables, where a flush opens ports for a moment; {}",
                                  state.table_refusal->text()));
  }
  if (state.set_refusal) {
    remarks.push_back(fmt::format("--no-masq-local has no effect: {}", state.set_refusal->text()));
  }
  if (state.mixed) {
    remarks.push_back(
        "firewall: iptables-nft and iptables-legacy both have rules here, and every packet passes both; choose one by "
        "'update-alternatives --config iptables' and reboot");
  }
  for (auto const& chain : state.foreign.closed) {
    remarks.push_back(
        fmt::format("firewall: the chain {0} of nftables drops what is forwarded; traffic between containers needs "
                    "'iifname \"{1}\" accept' and 'oifname \"{1}\" accept' in it",
                    chain, wish.bridge));
  }
  if (!zone_obstacle.empty()) {
    remarks.push_back(
        fmt::format("firewall: firewalld rejects traffic between containers, and did not take the bridge "
                    "{0} into a zone ({1}); 'firewall-cmd --permanent --zone=trusted --add-interface={0}' "
                    "and 'firewall-cmd --reload' let it pass",
                    wish.bridge, zone_obstacle));
  }
  return remarks;
}

} // namespace weave::controller
