#pragma once

#include <string>
#include <vector>

#include "controller/api/messages.hpp"
#include "controller/api/metric_samples.hpp"

namespace weave::controller::api {

/// What `GET /metrics` answers: Prometheus' text format (version 0.0.4) with the names of protocol/surfaces.md §8,
/// labels in alphabetical order, then the samples. Parts of the daemon that are switched off have no metrics; flows are
/// told where the report has them. Pure.
[[nodiscard]] std::string metrics_text(StatusReport const& report, std::vector<MetricSample> const& samples = {});

} // namespace weave::controller::api
