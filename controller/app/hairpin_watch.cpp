#include "controller/app/hairpin_watch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace weave::controller {
namespace {

constexpr Duration kInterval = std::chrono::seconds{1};

} // namespace

HairpinWatch::HairpinWatch(Scheduler& scheduler, datapath::Links& links, std::vector<std::string> ports, Logger logger)
    : scheduler_{scheduler}, links_{links}, ports_{std::move(ports)}, logger_{std::move(logger)} {
  look();
}

void HairpinWatch::look() {
  timer_ = scheduler_.after(kInterval, [this] { look(); });
  std::vector<std::string> found;
  for (auto const& port : ports_) {
    if (auto const link = links_.find(port); link && link->hairpin) found.push_back(port);
  }
  for (auto const& port : found) {
    if (std::ranges::find(found_, port) != found_.end()) continue;
    logger_.error(
        "Hairpin mode enabled on \"{0}\": frames go round in circles; turn it off by 'bridge link set dev {0} hairpin "
        "off'",
        port);
  }
  found_ = std::move(found);
}

} // namespace weave::controller
