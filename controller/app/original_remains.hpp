#pragma once

#include "base/logger.hpp"
#include "base/result.hpp"
#include "controller/app/background_worker.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/original_rules.hpp"

namespace weave::controller {

/// Devices by which an original without Open vSwitch captured what crosses the bridge, and the one that it raised the
/// bridge's MTU with.
[[nodiscard]] Result<void> remove_original_devices(datapath::Links& links);

/// On the worker, after what is queued there: rules that ours have replaced, and policies whose keys nobody has any
/// more. The log says what went; a failure is no more than a warning.
void remove_original_remains(BackgroundWorker& worker, datapath::OriginalRules which, Logger logger);

} // namespace weave::controller
