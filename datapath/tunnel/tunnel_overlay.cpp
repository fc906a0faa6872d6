#include "datapath/tunnel/tunnel_overlay.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weave::datapath {
namespace {

/// The only kind that older peers, which do not announce kinds, can speak.
constexpr std::string_view kCompatKind = "sleeve";

} // namespace

TunnelOverlay::TunnelOverlay(Scheduler& scheduler, Logger logger, std::vector<ForwarderKind*> kinds)
    : scheduler_{scheduler}, logger_{std::move(logger)}, kinds_{std::move(kinds)} {}

std::string TunnelOverlay::feature() const {
  std::vector<std::string_view> names;
  for (auto const* const kind : kinds_) {
    if (kind->available()) names.push_back(kind->name());
  }
  return fmt::format("{}", fmt::join(names, " "));
}

Result<std::unique_ptr<TunnelSwitch>> TunnelOverlay::prepare(TunnelConnectionParameters parameters) const {
  auto const announced = parameters.announced.value_or(feature());
  std::vector<std::string> ours;
  for (auto const* const kind : kinds_) ours.emplace_back(kind->name());
  ours = common_overlays(ours, announced);
  auto const common = common_overlays(ours, parameters.overlays ? *parameters.overlays : kCompatKind);
  if (common.empty()) return failure(ErrorKind::refused, "no overlays in common with peer");
  std::vector<ForwarderKind*> kinds;
  std::ranges::copy_if(kinds_, std::back_inserter(kinds), [&common](ForwarderKind const* kind) {
    return std::ranges::find(common, kind->name()) != common.end();
  });
  if (!parameters.overlays && ours.size() > 1) {
    logger_.warning(
        "{} is too old for short ids, which the kernel fast path of this host forwards by: its containers and those "
        "of this host do not reach each other. Update it, or launch weave here with --fast-path=none",
        parameters.peer.label());
  }
  return TunnelSwitch::create(scheduler_, logger_, kinds, std::move(parameters));
}

} // namespace weave::datapath
