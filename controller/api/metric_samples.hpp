#pragma once

#include <string>
#include <string_view>

namespace weave::controller::api {

/// One figure of `/metrics` that is no part of the report. Samples of one family follow each other.
struct MetricSample {
  std::string_view family; ///< with its unit: `…_total` of a counter, `…_seconds`, `…_bytes`
  std::string_view type;   ///< `counter`, `gauge` or `histogram`
  std::string_view help;
  std::string labels; ///< as between the braces, in alphabetical order; empty: none
  double value = 0;
  std::string_view suffix = {}; ///< of a histogram: `_bucket` (ascending, cumulative), `_sum` or `_count`
};

} // namespace weave::controller::api
