#pragma once

#include <string>
#include <string_view>

namespace weave::controller {

/// What people can do about the error that ends a start, to be put behind it; empty where the error says it itself, or
/// nothing is known. Pure.
[[nodiscard]] std::string start_advice(std::string_view error);

} // namespace weave::controller
