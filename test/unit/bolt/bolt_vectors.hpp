#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/bytes.hpp"

namespace weave::test {

/// The vector of group `bolt` in test/vectors/ipam.json with that name; throws if there is none.
[[nodiscard]] boost::json::object const& bolt_vector(std::string_view name);
/// The file that a vector describes, from its segments.
[[nodiscard]] Bytes bolt_file_of(boost::json::object const& vector);
[[nodiscard]] inline Bytes bolt_file(std::string_view name) { return bolt_file_of(bolt_vector(name)); }

} // namespace weave::test
