#include "controller/app/bridge_guard.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "datapath/link/attached_interface.hpp"
#include "datapath/link/overlay_bridge.hpp"

namespace weave::controller {
namespace {

constexpr Duration kInterval = std::chrono::seconds{1};

} // namespace

Result<std::size_t> rejoin_endpoints(datapath::Links& links, std::string const& bridge) {
  auto const master = links.find(bridge);
  if (!master) return failure_of(master);
  std::size_t joined = 0;
  for (auto const prefix : {datapath::kEndpointHostPrefix, datapath::kAttachedHostPrefix}) {
    auto const endpoints = links.list(prefix);
    if (!endpoints) return failure_of(endpoints);
    for (auto const& endpoint : *endpoints) {
      if (endpoint.master) continue;
      if (auto const changed = links.change(endpoint.name, {.up = true, .master = master->index}); !changed) {
        return failure_of(changed);
      }
      ++joined;
    }
  }
  return joined;
}

BridgeGuard::BridgeGuard(Scheduler& scheduler, datapath::Links& links, std::string bridge,
                         std::function<void(Error)> on_lost)
    : scheduler_{scheduler}, links_{links}, bridge_{std::move(bridge)}, on_lost_{std::move(on_lost)} {
  if (auto const found = links_.find(bridge_)) index_ = found->index;
  watch();
}

void BridgeGuard::watch() {
  timer_ = scheduler_.after(kInterval, [this] {
    auto const good = check();
    if (good) return watch();
    on_lost_(good.error());
  });
}

Result<void> BridgeGuard::check() {
  auto const found = links_.find(bridge_);
  if (!found) {
    if (found.error().kind() != ErrorKind::not_found) return {};
    return failure(ErrorKind::not_found, fmt::format("bridge {} was deleted; setting it up again", bridge_));
  }
  if (found->index != index_) {
    return failure(ErrorKind::not_found, fmt::format("bridge {} was replaced; setting it up again", bridge_));
  }
  if (found->up) return {};
  return links_.change(bridge_, {.up = true});
}

} // namespace weave::controller
