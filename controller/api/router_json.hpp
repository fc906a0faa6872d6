#pragma once

#include <boost/json/value.hpp>

#include "controller/api/messages.hpp"

namespace weave::controller::api {

/// The `Router` object of the report, both ways. The reader throws on a wrong type (see json_fields.hpp).
[[nodiscard]] boost::json::value router_to_value(RouterStatus const& router);
[[nodiscard]] RouterStatus router_from_value(boost::json::value const& value);

} // namespace weave::controller::api
