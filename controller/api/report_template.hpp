#pragma once

#include <string>
#include <string_view>

#include "controller/api/messages.hpp"

namespace weave::controller::api {

/// `weave report -f`: Go's template language over the report (protocol/surfaces.md §7.1), with its functions `len`,
/// `index`, `print`, `printf`, `println`, `and`, `or`, `not`, `eq`, `ne`, `lt`, `le`, `gt`, `ge`, and `json`; without
/// templates in templates and without `break` and `continue`. Steps and output are bounded. Error malformed: wrong
/// syntax; of any other kind: it does not fit the report, as an unknown field does. The text begins
/// `template: format:<line>: `.
[[nodiscard]] Result<std::string> expand_template(std::string_view format, StatusReport const& report);

} // namespace weave::controller::api
