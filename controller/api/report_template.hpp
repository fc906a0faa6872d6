#pragma once

#include <string>
#include <string_view>

#include "controller/api/messages.hpp"

namespace weave::controller::api {

/// `weave report -f`: the part of Go's template language that scripts use (protocol/surfaces.md §7.1): literal text,
/// `{{.Field.Field}}`, `{{len .Field}}`, `{{json .Field}}`, and the `{{-` `-}}` trims. Errors: malformed
/// `template: format:1: …` for wrong syntax and for actions beyond these, not_found for an unknown field.
[[nodiscard]] Result<std::string> expand_template(std::string_view format, StatusReport const& report);

} // namespace weave::controller::api
