#pragma once

#include <string_view>
#include <vector>

#include "controller/api/template/value.hpp"

namespace weave::controller::api::text_template {

[[nodiscard]] bool is_function(std::string_view name);

/// Carries out `name`, which is_function. Errors not_found, out_of_range and refused say how the arguments do not fit.
[[nodiscard]] Result<Value> call_function(std::string_view name, std::vector<Value> const& arguments);

/// What Go's fmt.Sprintf gives, its `%!d(string=…)` for what does not fit included.
[[nodiscard]] std::string printf_text(std::string_view format, std::vector<Value> const& arguments);

} // namespace weave::controller::api::text_template
