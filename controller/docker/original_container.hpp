#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/http/endpoint.hpp"
#include "base/result.hpp"

namespace weave::controller::docker {

/// The containers of an original Weave Net's script (protocol/surfaces.md §1.1): the daemon, and the one that is never
/// started and owns the volume of its database.
inline constexpr std::string_view kOriginalDaemon = "weave";
inline constexpr std::string_view kOriginalData = "weavedb";
inline constexpr std::string_view kOriginalDatabase = "weavedata.db";

/// A container `weave` that is the original's daemon, by its image's name or label or by the program that it runs:
/// images are also built and named by others.
struct OriginalDaemon {
  bool running = false;
  /// Docker starts it again, at the latest when Docker itself starts.
  bool restarts = false;
};

// From what the engine answers to the inspection of a container. Errors are malformed.
/// None: it is somebody else's container of that name.
[[nodiscard]] Result<std::optional<OriginalDaemon>> decode_original_daemon(std::string_view json);
/// The directory on the host that is its volume /weavedb; none if it has no such volume.
[[nodiscard]] Result<std::optional<std::string>> decode_database_volume(std::string_view json);

/// None: there is no such container. Blocking, for `limit` at most.
[[nodiscard]] Result<std::optional<OriginalDaemon>> find_original_daemon(http::Endpoint const& engine,
                                                                         std::chrono::milliseconds limit);
/// Docker does not start that container again by itself. Blocking, for `limit` at most.
[[nodiscard]] Result<void> end_restarts(http::Endpoint const& engine, std::chrono::milliseconds limit);
/// The database in the volume of container weavedb; none: there is none. Blocking, for `limit` at most.
[[nodiscard]] Result<std::optional<std::string>> find_original_database(http::Endpoint const& engine,
                                                                        std::chrono::milliseconds limit);
/// The same by the files of an engine that does not answer: `root` is its directory, usually /var/lib/docker.
[[nodiscard]] std::optional<std::string> original_database_below(std::filesystem::path const& root);
/// Where the engine of a host keeps its files, by its configuration. `host_root` is where the host's file system
/// begins.
[[nodiscard]] std::filesystem::path engine_directory(std::filesystem::path const& host_root);
/// By the engine, or by its files if it does not answer. Blocking, for little more than `limit` at most.
[[nodiscard]] std::optional<std::string> locate_original_database(http::Endpoint const& engine,
                                                                  std::filesystem::path const& host_root,
                                                                  std::chrono::milliseconds limit);
/// Whether an original holds the lock of this database. Not, if there is no such file.
[[nodiscard]] bool is_database_in_use(std::string const& file);

} // namespace weave::controller::docker
