#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

namespace weave {

/// What a file holds; empty, or what came until then, where it cannot be read: files of /proc and /sys fail in the
/// middle when what they are about goes, and a directory opens but does not read. Never throws for that, unlike a
/// std::istreambuf_iterator.
[[nodiscard]] inline std::string whole_file(std::filesystem::path const& path) {
  std::ifstream const file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

} // namespace weave
