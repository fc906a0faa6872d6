#include "controller/app/original_import.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"
#include "controller/docker/original_container.hpp"
#include "controller/ipam/owned_table.hpp"
#include "controller/ipam/persisted_state.hpp"

namespace weave::controller {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNone = "none";
/// An original's state takes kilobytes; whoever names a disk image by mistake is told so.
constexpr off_t kLargestFile = 256L << 20;
/// An engine that is starting may itself be waiting for us.
constexpr std::chrono::seconds kEngineLimit{2};

/// The whole of a file that no original uses.
struct LockedFile {
  /// Holds the lock.
  UniqueFd fd;
  Bytes content;
};

Result<Bytes> read_all(int fd, std::size_t size) {
  Bytes content(size);
  std::size_t done = 0;
  while (done < size) {
    auto const count = ::pread(fd, content.data() + done, size - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(ErrorKind::system, std::strerror(errno));
    if (count == 0) return failure(ErrorKind::malformed, "it became shorter while it was read");
    done += static_cast<std::size_t>(count);
  }
  return content;
}

Result<LockedFile> open_unused(std::string const& path) {
  // A pipe that somebody put there must not hold us up.
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!fd) return failure(errno == ENOENT ? ErrorKind::not_found : ErrorKind::system, std::strerror(errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failure(ErrorKind::system, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return failure(ErrorKind::malformed, "it is not a file");
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failure(ErrorKind::system, std::strerror(errno));
    return failure(ErrorKind::unavailable,
                   "it is in use by a running Weave Net, which must be stopped first ('docker stop weave')");
  }
  if (status.st_size > kLargestFile) return failure(ErrorKind::malformed, "it is too large to be Weave Net's");
  auto content = read_all(fd.get(), static_cast<std::size_t>(status.st_size));
  if (!content) return failure_of(content);
  return LockedFile{std::move(fd), *std::move(content)};
}

/// The script of the original keeps its database in the volume of a container.
std::optional<std::string> database_of_script(ImportSettings const& settings) {
  auto const endpoint = http::Endpoint::parse(settings.engine);
  if (settings.engine.empty() || !endpoint) return std::nullopt;
  return docker::locate_original_database(*endpoint, settings.host_root.empty() ? "/" : settings.host_root,
                                          kEngineLimit);
}

std::vector<fs::path> known_places(ImportSettings const& settings) {
  std::vector<fs::path> directories{settings.state_dir};
  if (!settings.host_root.empty()) directories.push_back(fs::path{settings.host_root} / "var/lib/weave");
  std::vector<fs::path> places;
  for (auto const& directory : directories) {
    places.push_back(directory / "weavedata.db");
    places.push_back(directory / "weave-netdata.db");
  }
  if (auto const volume = database_of_script(settings)) places.emplace_back(*volume);
  return places;
}

/// The one that was written last is the one that was in use.
std::string newest_known(ImportSettings const& settings, Logger const& logger) {
  std::string newest;
  fs::file_time_type written;
  for (auto const& place : known_places(settings)) {
    std::error_code error;
    auto const time = fs::last_write_time(place, error);
    if (error || (!newest.empty() && fs::equivalent(place, newest, error))) continue;
    logger.info("Found the state of an original Weave Net: {}", place.string());
    if (!newest.empty() && time <= written) continue;
    newest = place.string();
    written = time;
  }
  return newest;
}

Result<bool> has_ring(StoreService& store) {
  auto const stored = store.ipam().load();
  if (!stored) return failure_of(stored);
  if (stored->state.empty()) return false;
  auto const state = ipam::decode_persisted(stored->state);
  if (!state) return failure_of(state);
  return state->state.ring && !state->state.ring->tokens.empty();
}

/// Nothing if no file is to be read.
Result<std::string> choose_file(ImportSettings const& settings, StoreService& store, Logger const& logger) {
  if (settings.file == kNone) return std::string{};
  if (settings.file.empty()) return store.peer_name() ? std::string{} : newest_known(settings, logger);
  auto const known = has_ring(store);
  if (!known) return failure_of(known);
  if (!*known) return settings.file;
  logger.info("Nothing is imported from {}: this host has a ring of its own already", settings.file);
  return std::string{};
}

Error cannot_import(std::string const& path, Error const& reason) {
  auto text = fmt::format("cannot import {}: {}.", path, reason.text());
  if (reason.kind() != ErrorKind::not_found) {
    text += " It may be the only record of which addresses are in use on this host; ";
    text += "to start without it, with new addresses, use --import none";
  }
  return Error{reason.kind(), std::move(text)};
}

Result<void> check_name(PeerName name, ImportSettings const& settings) {
  // A file that is named counts more than the bridge.
  bool const by_bridge = !settings.name && settings.file.empty();
  auto const expected = by_bridge ? settings.bridge_name : settings.name;
  if (!expected || *expected == name) return {};
  return failure(
      ErrorKind::refused,
      fmt::format("persisted data are for peername {}, our name is {}{}", name.to_string(), expected->to_string(),
                  by_bridge ? " by the bridge; if the file is right, name it with --import" : " by --name"));
}

Result<void> check_range(std::optional<ipam::RingState> const& ring, ImportSettings const& settings) {
  if (!ring || ring->tokens.empty() || !settings.universe || ring->universe == *settings.universe) return {};
  return failure(ErrorKind::refused,
                 fmt::format("persisted data are for IPAM range {}, our range is {}; launch with the --ipalloc-range "
                             "that this host had before, as all its peers do",
                             ring->universe.to_string(), settings.universe->to_string()));
}

ipam::StoredIpam rows_of(PeerName name, ipam::RingState ring,
                         std::map<std::string, ipam::OwnedAddresses> const& owned) {
  ipam::PersistedState persisted{.self = name, .universe = ring.universe, .uid = 0, .state = {}};
  persisted.state.ring = std::move(ring);
  ipam::StoredIpam rows{.state = ipam::encode_persisted(persisted), .owned = {}};
  for (auto const& [id, addresses] : owned) rows.owned.emplace_back(id, ipam::format_owned(addresses));
  return rows;
}

} // namespace

Result<std::optional<Inheritance>> inheritance_of(bolt::OriginalState state, ImportSettings const& settings,
                                                  std::string const& path, Logger const& logger) {
  if (!state.name) {
    logger.warning("{}: No valid persisted data; nothing is imported", path);
    return std::optional<Inheritance>{};
  }
  if (auto const fits = check_name(*state.name, settings); !fits) return failure_of(fits);
  if (auto const fits = check_range(state.ring, settings); !fits) return failure_of(fits);
  Inheritance inheritance{.name = *state.name, .ipam = {}, .targets = std::move(state.targets)};
  auto const part = fmt::format("{}: importing peer name {} and {} direct peers", path, state.name->to_string(),
                                inheritance.targets.size());
  if (!state.ring || state.ring->tokens.empty()) {
    logger.info("{}; No valid persisted data about addresses", part);
  } else {
    std::size_t addresses = 0;
    for (auto const& [id, row] : state.owned) addresses += row.cidrs.size();
    logger.info("{}, a ring of {} entries, {} addresses of {} owners", part, state.ring->tokens.size(), addresses,
                state.owned.size());
    inheritance.ipam = rows_of(*state.name, *std::move(state.ring), state.owned);
  }
  return inheritance;
}

Result<bool> import_original(ImportSettings const& settings, StoreService& store, Logger const& logger) {
  auto const path = choose_file(settings, store, logger);
  if (!path) return failure_of(path);
  if (path->empty()) return false;
  auto const file = open_unused(*path);
  if (!file) return std::unexpected{cannot_import(*path, file.error())};
  auto state = bolt::decode_original_state(file->content);
  if (!state) return std::unexpected{cannot_import(*path, state.error())};
  auto const inheritance = inheritance_of(*std::move(state), settings, *path, logger);
  if (!inheritance) return std::unexpected{cannot_import(*path, inheritance.error())};
  if (!*inheritance) return false;
  if (auto const saved = store.inherit(**inheritance); !saved) return failure_of(saved);
  return true;
}

} // namespace weave::controller
