#pragma once

#include <string>
#include <string_view>

namespace weave::controller::dns {

/// ASCII only, as DNS compares names.
[[nodiscard]] std::string lower_case(std::string_view name);
/// With the final dot.
[[nodiscard]] std::string qualified(std::string_view name);
/// The domain itself or a name below it, whatever the case; final dots need not be there.
[[nodiscard]] bool is_inside(std::string_view name, std::string_view domain);

} // namespace weave::controller::dns
