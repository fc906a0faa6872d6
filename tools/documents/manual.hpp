#pragma once

#include <span>
#include <string>

#include "controller/app/flags.hpp"

/// Manual pages in roff (man macros), made of the tables of the programs. Pure.
namespace weave::tools {

[[nodiscard]] std::string weave_manual(std::string_view version);
[[nodiscard]] std::string weaver_manual(std::string_view version, std::span<controller::Flag const> flags);
[[nodiscard]] std::string service_manual(std::string_view version);

} // namespace weave::tools
