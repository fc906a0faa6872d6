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
/// Whether a DNS message can hold a name with its final dot, and people can read it: blanks and control characters
/// would be legal on the wire, and of no use but to mislead.
[[nodiscard]] bool is_registrable(std::string_view qualified_name);

} // namespace weave::controller::dns
