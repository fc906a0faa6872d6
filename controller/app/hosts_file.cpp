#include "controller/app/hosts_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/unique_fd.hpp"

namespace weave::controller {
namespace {

constexpr mode_t kMode = 0644;
/// Between the name of the file and the life of the container that sees what has this name.
constexpr std::string_view kSeen = ".weave-";

Result<std::string> extra_line(std::string const& entry) {
  auto const colon = entry.find(':');
  auto const bad = colon == std::string::npos || colon == 0 || colon + 1 == entry.size() ||
                   entry.find_first_of(" \t\r\n") != std::string::npos;
  if (bad) return failure(ErrorKind::malformed, fmt::format("invalid extra host \"{}\": name:ip is needed", entry));
  return fmt::format("{:<15} {}\n", entry.substr(colon + 1), entry.substr(0, colon));
}

Result<void> write_file(std::string const& path, int flags, std::string const& text) {
  UniqueFd const file{::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, kMode)};
  if (!file) return std::unexpected{system_error("open " + path, errno)};
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return std::unexpected{system_error("write " + path, errno)};
  }
  return {};
}

/// What a container of this file saw in earlier lives.
void remove_seen(std::string const& path) {
  std::error_code error;
  std::filesystem::path const file{path};
  auto const prefix = fmt::format("{}{}", file.filename().string(), kSeen);
  for (auto const& entry : std::filesystem::directory_iterator{file.parent_path(), error}) {
    if (entry.path().filename().string().starts_with(prefix)) ::unlink(entry.path().c_str());
  }
}

} // namespace

Result<std::string> hosts_text(HostsWish const& wish) {
  std::string text = "# created by Weave - BEGIN\n# container hostname\n";
  auto const names = wish.fqdn.empty() ? wish.hostname : fmt::format("{} {}", wish.fqdn, wish.hostname);
  for (auto const address : wish.addresses) text += fmt::format("{:<15} {}\n", address.to_string(), names);
  text += "\n# static names added with --add-host\n";
  for (auto const& entry : wish.extra_hosts) {
    auto const line = extra_line(entry);
    if (!line) return failure_of(line);
    text += *line;
  }
  return text +
         "\n# default localhost entries\n"
         "127.0.0.1       localhost\n"
         "::1             ip6-localhost ip6-loopback\n"
         "fe00::0         ip6-localnet\n"
         "ff00::0         ip6-mcastprefix\n"
         "ff02::1         ip6-allnodes\n"
         "ff02::2         ip6-allrouters\n"
         "# created by Weave - END\n";
}

std::string read_hosts(std::string const& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

bool is_engines_own(std::string_view path, std::vector<std::string> const& containers) {
  return std::ranges::any_of(containers, [&](std::string const& id) {
    return !id.empty() && path.ends_with(fmt::format("/containers/{}/hosts", id));
  });
}

std::optional<std::string> resolved_extra_host(std::string const& entry, std::string_view present) {
  constexpr std::string_view kToBeFound = ":host-gateway";
  if (!entry.ends_with(kToBeFound)) return entry;
  auto const name = entry.substr(0, entry.size() - kToBeFound.size());
  std::istringstream lines{std::string{present}};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string address;
    words >> address;
    if (address.starts_with('#')) continue;
    for (std::string word; words >> word;) {
      if (word == name) return fmt::format("{}:{}", name, address);
    }
  }
  return std::nullopt;
}

Result<void> write_hosts(std::string const& path, std::string const& text, std::int64_t life) {
  if (path.empty()) return failure(ErrorKind::not_found, "the container has no /etc/hosts of its own");
  auto const seen = fmt::format("{}{}{}", path, kSeen, life);
  if (auto const again = write_file(seen, O_TRUNC, text); again) return write_file(path, O_TRUNC | O_CREAT, text);
  if (auto const written = write_file(path, O_TRUNC, text); !written) return written;
  remove_seen(path);
  // Where there are no links, only the first text of each life is seen.
  [[maybe_unused]] auto const kept = ::link(path.c_str(), seen.c_str());
  if (::unlink(path.c_str()) < 0) return std::unexpected{system_error("unlink " + path, errno)};
  return write_file(path, O_CREAT | O_EXCL, text);
}

} // namespace weave::controller
