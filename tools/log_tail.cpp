#include "tools/log_tail.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <unistd.h>

namespace weave::tools {
namespace {

constexpr std::size_t kLinesShown = 3;
constexpr std::uint64_t kBytesRead = 64U << 10U;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    auto const line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

bool has_level(std::string_view line) {
  constexpr std::array<std::string_view, 5> kLevels{"DEBU: ", "INFO: ", "WARN: ", "ERRO: ", "FATA: "};
  return std::ranges::any_of(kLevels, [line](std::string_view level) { return line.starts_with(level); });
}

/// `ERRO: 2026/11/24 03:56:47.414853 message` → `message`.
std::string message_of(std::string_view line) {
  constexpr std::string_view kLevel = "ERRO: ";
  constexpr std::string_view kTime = "2026/11/24 03:56:47.414853 ";
  if (!has_level(line)) return std::string{line};
  line.remove_prefix(kLevel.size());
  if (line.size() > kTime.size() && line[4] == '/' && line[kTime.size() - 1] == ' ') line.remove_prefix(kTime.size());
  return std::string{line};
}

std::vector<std::string> messages(std::vector<std::string_view> lines, std::size_t most) {
  if (lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  std::vector<std::string> result;
  for (auto const line : lines) result.push_back(message_of(line));
  return result;
}

} // namespace

std::vector<std::string> last_errors(std::string_view log) {
  auto const lines = lines_of(log);
  auto const those = [&](auto wanted) {
    std::vector<std::string_view> result;
    std::ranges::copy_if(lines, std::back_inserter(result), wanted);
    return result;
  };
  auto const fatal = those([](std::string_view line) { return line.starts_with("FATA: "); });
  if (!fatal.empty()) return messages(fatal, 1);
  auto const errors = those([](std::string_view line) { return line.starts_with("ERRO: "); });
  if (!errors.empty()) return messages(errors, kLinesShown);
  auto const bare = those([](std::string_view line) { return !has_level(line); });
  return bare.empty() ? messages(lines, 1) : messages(bare, kLinesShown);
}

std::string read_since(std::string const& path, std::uint64_t offset) {
  std::ifstream file{path, std::ios::binary};
  auto const size = file_size(path);
  if (size < offset) offset = 0; // emptied meanwhile
  offset = std::max(offset, size - std::min(size, kBytesRead));
  file.seekg(static_cast<std::streamoff>(offset));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::uint64_t file_size(std::string const& path) {
  std::error_code error;
  auto const size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

void bound_log(std::string const& path, std::uint64_t limit) {
  if (file_size(path) <= limit) return;
  std::error_code error;
  std::filesystem::copy_file(path, path + ".1", std::filesystem::copy_options::overwrite_existing, error);
  [[maybe_unused]] auto const emptied = ::truncate(path.c_str(), 0);
}

} // namespace weave::tools
