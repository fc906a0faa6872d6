#include "controller/docker/original_container.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <utility>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/http/blocking_client.hpp"
#include "base/unique_fd.hpp"
#include "base/whole_file.hpp"
#include "controller/docker/engine_json.hpp"
#include "controller/docker/json_reading.hpp"

namespace weave::controller::docker {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace reading;

constexpr auto kVolume = "/weavedb";
/// With any tag, also from a registry of one's own.
constexpr std::string_view kImage = "weaveworks/weave";
constexpr auto kProgram = "/home/weave/weaver";
constexpr auto kRoleLabel = "works.weave.role";

bool is_original_image(std::string_view image) {
  auto const at = image.rfind(kImage);
  if (at == std::string_view::npos || (at > 0 && image[at - 1] != '/')) return false;
  auto const rest = image.substr(at + kImage.size());
  return rest.empty() || rest.front() == ':' || rest.front() == '@';
}

/// None: there is no such container.
Result<std::optional<std::string>> inspect(http::Endpoint const& engine, std::string_view name,
                                           std::chrono::milliseconds limit) {
  http::Request const request{
      .method = "GET", .target = fmt::format("/containers/{}/json", name), .headers = {}, .body = {}};
  auto response = http::request_and_wait(engine, request, limit);
  if (!response) return failure_of(response);
  if (response->ok()) return std::move(response->body);
  auto error = decode_error(response->status, response->body);
  if (error.kind() == ErrorKind::not_found) return std::optional<std::string>{};
  return std::unexpected{std::move(error)};
}

std::optional<std::string> existing(fs::path const& directory) {
  std::error_code error;
  auto const file = directory / kOriginalDatabase;
  if (!fs::is_regular_file(file, error)) return std::nullopt;
  return file.string();
}

/// What the engine has written about one container.
std::optional<json::value> record_in(fs::path const& directory) {
  auto record = parse(whole_file(directory / "config.v2.json"));
  if (!record || !record->is_object()) return std::nullopt;
  return *std::move(record);
}

} // namespace

Result<std::optional<OriginalDaemon>> decode_original_daemon(std::string_view body) {
  auto const value = parse(body);
  if (!value) return failure_of(value);
  if (!value->is_object()) return std::unexpected{odd_answer()};
  auto const& container = value->get_object();
  auto const& config = object_in(container, "Config");
  bool const original = is_original_image(text(config, "Image")) || text(container, "Path") == kProgram ||
                        !text(object_in(config, "Labels"), kRoleLabel).empty();
  if (!original) return std::optional<OriginalDaemon>{};
  auto const policy = text(object_in(object_in(container, "HostConfig"), "RestartPolicy"), "Name");
  return OriginalDaemon{.running = flag(object_in(container, "State"), "Running"),
                        .restarts = !policy.empty() && policy != "no"};
}

Result<std::optional<std::string>> decode_database_volume(std::string_view body) {
  auto const value = parse(body);
  if (!value) return failure_of(value);
  if (!value->is_object()) return std::unexpected{odd_answer()};
  for (auto const& each : array_in(value->get_object(), "Mounts")) {
    if (!each.is_object() || text(each.get_object(), "Destination") != kVolume) continue;
    auto source = text(each.get_object(), "Source");
    if (!source.empty()) return source;
  }
  return std::optional<std::string>{};
}

Result<std::optional<OriginalDaemon>> find_original_daemon(http::Endpoint const& engine,
                                                           std::chrono::milliseconds limit) {
  auto const body = inspect(engine, kOriginalDaemon, limit);
  if (!body) return failure_of(body);
  if (!*body) return std::optional<OriginalDaemon>{};
  return decode_original_daemon(**body);
}

Result<void> end_restarts(http::Endpoint const& engine, std::chrono::milliseconds limit) {
  http::Request const request{.method = "POST",
                              .target = fmt::format("/containers/{}/update", kOriginalDaemon),
                              .headers = {{"Content-Type", "application/json"}},
                              .body = R"({"RestartPolicy":{"Name":"no"}})"};
  auto const response = http::request_and_wait(engine, request, limit);
  if (!response) return failure_of(response);
  if (!response->ok()) return std::unexpected{decode_error(response->status, response->body)};
  return {};
}

Result<std::optional<std::string>> find_original_database(http::Endpoint const& engine,
                                                          std::chrono::milliseconds limit) {
  auto const body = inspect(engine, kOriginalData, limit);
  if (!body) return failure_of(body);
  if (!*body) return std::optional<std::string>{};
  auto const volume = decode_database_volume(**body);
  if (!volume) return failure_of(volume);
  return *volume ? existing(**volume) : std::nullopt;
}

std::optional<std::string> original_database_below(fs::path const& root) {
  std::error_code error;
  for (auto const& entry : fs::directory_iterator{root / "containers", error}) {
    auto const record = record_in(entry.path());
    if (!record || text(record->get_object(), "Name") != fmt::format("/{}", kOriginalData)) continue;
    auto const& volume = object_in(object_in(record->get_object(), "MountPoints"), kVolume);
    auto const source = text(volume, "Source");
    auto const name = text(volume, "Name");
    if (!source.empty()) return existing(source);
    if (!name.empty()) return existing(root / "volumes" / name / "_data");
  }
  return std::nullopt;
}

fs::path engine_directory(fs::path const& host_root) {
  auto const settings = parse(whole_file(host_root / "etc/docker/daemon.json"));
  for (auto const* name : {"data-root", "graph"}) {
    if (!settings || !settings->is_object()) break;
    auto const directory = text(settings->get_object(), name);
    if (!directory.empty()) return host_root / fs::path{directory}.relative_path();
  }
  return host_root / "var/lib/docker";
}

std::optional<std::string> locate_original_database(http::Endpoint const& engine, fs::path const& host_root,
                                                    std::chrono::milliseconds limit) {
  auto found = find_original_database(engine, limit);
  if (found) return *std::move(found);
  return original_database_below(engine_directory(host_root));
}

bool is_database_in_use(std::string const& file) {
  UniqueFd const fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  return fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

} // namespace weave::controller::docker
