#include "tools/listening_sockets.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

namespace weave::tools {
namespace {

constexpr std::string_view kListening = "0A";
constexpr std::string_view kUnconnected = "07"; // of UDP
constexpr std::size_t kShortAddress = 8;        // hexadecimal digits of an IPv4 address

template <class Number>
std::optional<Number> number(std::string_view text, int base) {
  Number value{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string contents(std::string const& path) {
  std::ifstream file{path};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// `0100007F:1A7F`, the address as the kernel keeps it in memory.
bool read_end(std::string_view text, SocketUse& use) {
  auto const colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  auto const port = number<std::uint16_t>(text.substr(colon + 1), 16);
  if (!port) return false;
  use.port = *port;
  auto const address = text.substr(0, colon);
  if (address.find_first_not_of('0') == std::string_view::npos) return true; // all
  if (address.size() != kShortAddress) return false;
  auto const value = number<std::uint32_t>(address, 16);
  if (!value) return false;
  use.address = Ipv4Address{std::endian::native == std::endian::little ? std::byteswap(*value) : *value};
  return true;
}

/// Which process holds which of these sockets.
std::map<std::uint64_t, int> holders(std::vector<ListedSocket> const& sockets) {
  std::map<std::string, std::uint64_t> names;
  for (auto const& socket : sockets) names.emplace(fmt::format("socket:[{}]", socket.inode), socket.inode);
  std::map<std::uint64_t, int> result;
  std::error_code error;
  std::filesystem::directory_iterator process{"/proc", error};
  for (; !error && process != std::filesystem::directory_iterator{}; process.increment(error)) {
    auto const pid = number<int>(process->path().filename().string(), 10);
    if (!pid) continue;
    std::error_code hidden;
    std::filesystem::directory_iterator files{process->path() / "fd", hidden};
    for (; !hidden && files != std::filesystem::directory_iterator{}; files.increment(hidden)) {
      std::error_code gone;
      auto const name = names.find(std::filesystem::read_symlink(files->path(), gone).string());
      if (!gone && name != names.end()) result.emplace(name->second, *pid);
    }
  }
  return result;
}

} // namespace

std::vector<ListedSocket> parse_sockets(std::string_view text, bool tcp) {
  std::vector<ListedSocket> result;
  std::istringstream lines{std::string{text}};
  std::string line;
  std::getline(lines, line); // the heading
  while (std::getline(lines, line)) {
    std::istringstream words{line};
    std::string skipped;
    std::string local;
    std::string state;
    std::string inode;
    words >> skipped >> local >> skipped >> state;
    for (int at = 0; at < 5; ++at) words >> skipped; // queues, timer, retransmissions, uid, timeout
    words >> inode;
    ListedSocket socket{.use = {.tcp = tcp, .address = {}, .port = 0, .program = {}, .pid = 0}, .inode = 0};
    auto const holder = number<std::uint64_t>(inode, 10);
    if (state != (tcp ? kListening : kUnconnected) || !holder || !read_end(local, socket.use)) continue;
    socket.inode = *holder;
    result.push_back(socket);
  }
  return result;
}

std::vector<SocketUse> listening_sockets(std::function<bool(std::uint16_t)> const& wanted) {
  std::vector<ListedSocket> found;
  for (auto const* name : {"tcp", "tcp6", "udp", "udp6"}) {
    for (auto& socket : parse_sockets(contents(fmt::format("/proc/self/net/{}", name)), name[0] == 't')) {
      if (wanted(socket.use.port)) found.push_back(std::move(socket));
    }
  }
  auto const processes = holders(found);
  std::vector<SocketUse> uses;
  for (auto& socket : found) {
    if (auto const holder = processes.find(socket.inode); holder != processes.end()) {
      socket.use.pid = holder->second;
      socket.use.program = contents(fmt::format("/proc/{}/comm", holder->second));
      std::erase(socket.use.program, '\n');
    }
    // One that serves both families is listed twice.
    if (std::ranges::find(uses, socket.use) == uses.end()) uses.push_back(std::move(socket.use));
  }
  return uses;
}

} // namespace weave::tools
