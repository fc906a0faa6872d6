#include "controller/app/original_remains.hpp"

#include <utility>

#include "datapath/ipsec/original_policies.hpp"

namespace weave::controller {

Result<void> remove_original_devices(datapath::Links& links) {
  Result<void> outcome;
  for (auto const* name : {"vethwe-pcap", "vethwedu"}) {
    auto const removed = links.remove(name);
    if (!removed && outcome) outcome = removed;
  }
  return outcome;
}

void remove_original_remains(BackgroundWorker& worker, datapath::OriginalRules which, Logger logger) {
  struct Removed {
    Result<std::size_t> tables;
    Result<std::size_t> policies;
  };
  worker.run<Removed>(
      [which = std::move(which)] {
        return Removed{.tables = datapath::remove_original_rules(which),
                       .policies = datapath::ipsec::remove_original_policies()};
      },
      [logger = std::move(logger)](Removed const& removed) {
        if (!removed.tables) logger.warning("rules of an original Weave Net stay: {}", removed.tables.error().text());
        if (removed.tables && *removed.tables > 0) {
          logger.info("Removed what an original Weave Net has left in {} tables of iptables", *removed.tables);
        }
        if (!removed.policies) {
          logger.warning("IPsec policies of an original Weave Net stay: {}", removed.policies.error().text());
        }
        if (removed.policies && *removed.policies > 0) {
          logger.info("Removed {} IPsec policies that an original Weave Net has left", *removed.policies);
        }
      });
}

} // namespace weave::controller
