#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weave::tools {

/// Of the log lines of a daemon that ended, those that say why: its fatal line, else its last errors, else its last
/// words that are no ordinary log line, else its last line. Without level and time.
[[nodiscard]] std::vector<std::string> last_errors(std::string_view log);

/// What was appended to a file since it had `offset` bytes, at most its last 64 KiB; empty if it cannot be read.
[[nodiscard]] std::string read_since(std::string const& path, std::uint64_t offset);
[[nodiscard]] std::uint64_t file_size(std::string const& path);

/// Keeps a log that others append to bounded: beyond `limit` bytes it is copied to `<path>.1` and emptied in place.
void bound_log(std::string const& path, std::uint64_t limit);

} // namespace weave::tools
