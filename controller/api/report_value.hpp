#pragma once

#include <boost/json/value.hpp>

#include "controller/api/messages.hpp"

namespace weave::controller::api {

/// The report as a JSON value, for its text and for `report -f` templates.
[[nodiscard]] boost::json::value to_value(StatusReport const& report);

} // namespace weave::controller::api
