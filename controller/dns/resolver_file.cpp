#include "controller/dns/resolver_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace weave::controller::dns {
namespace {

constexpr std::string_view kBlank = " \t\r\v\f";
constexpr std::size_t kLargestFile = 64UL << 10U;

std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  auto const word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

Result<std::string> read_all(int fd, std::string const& path) {
  std::string content;
  char buffer[4096];
  while (content.size() < kLargestFile) {
    auto const count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected{system_error(path, errno)};
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
  }
  return failure(ErrorKind::out_of_range, fmt::format("{}: too large", path));
}

} // namespace

std::string SocketAddress::to_string() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::vector<std::string> parse_resolver_file(std::string_view content, std::vector<std::string> const& own) {
  std::vector<std::string> servers;
  while (!content.empty()) {
    auto line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(line.size() + 1, content.size()));
    line = line.substr(0, line.find_first_of("#;"));
    if (take_word(line) != "nameserver") continue;
    auto const server = take_word(line);
    if (!server.empty() && std::ranges::find(own, server) == own.end()) servers.emplace_back(server);
  }
  return servers;
}

std::vector<SocketAddress> const& ResolverFile::servers() {
  if (!path_.empty() && scheduler_.now() >= next_look_) {
    next_look_ = scheduler_.now() + kInterval;
    look();
  }
  return servers_;
}

void ResolverFile::look() {
  auto const complain = [this](std::string const& text) {
    if (!std::exchange(complained_, true)) log_.warning("dns: cannot read {}", text);
  };
  UniqueFd const fd{::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return complain(system_error(path_, errno).text());
  Version const version{.device = status.st_dev,
                        .inode = status.st_ino,
                        .size = status.st_size,
                        .modified = status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
  if (version == version_ && !complained_) return;
  auto const content = read_all(fd.get(), path_);
  if (!content) return complain(content.error().text());
  version_ = version;
  complained_ = false;
  std::vector<SocketAddress> found;
  for (auto& host : parse_resolver_file(*content, own_)) found.push_back({.host = std::move(host), .port = 53});
  if (found == servers_) return;
  servers_ = std::move(found);
  std::vector<std::string> hosts;
  for (auto const& server : servers_) hosts.push_back(server.host);
  log_.info("dns: upstream servers of {}: {}", path_,
            hosts.empty() ? "none" : fmt::format("{}", fmt::join(hosts, ", ")));
}

} // namespace weave::controller::dns
