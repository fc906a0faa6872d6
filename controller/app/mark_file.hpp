#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "base/result.hpp"

/// Files that say something by being there, to the next process.
namespace weave::controller {

[[nodiscard]] inline Result<void> make_mark(std::string const& path) {
  if (!std::ofstream{path}) return failure(ErrorKind::system, fmt::format("cannot write {}", path));
  return {};
}

/// No error if there is none.
[[nodiscard]] inline Result<void> remove_mark(std::string const& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) return failure(ErrorKind::system, fmt::format("cannot remove {}: {}", path, error.message()));
  return {};
}

} // namespace weave::controller
