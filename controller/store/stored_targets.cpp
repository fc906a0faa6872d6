#include "controller/store/stored_targets.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "controller/store/state_store.hpp"

namespace weave::controller::store {
namespace {

namespace fs = std::filesystem;

/// Removed with all that is in it.
class ScratchDirectory {
 public:
  ScratchDirectory() : path_{(fs::temp_directory_path() / "weave-XXXXXX").string()} {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ScratchDirectory(ScratchDirectory const&) = delete;
  ScratchDirectory& operator=(ScratchDirectory const&) = delete;
  ~ScratchDirectory() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  [[nodiscard]] std::string const& path() const { return path_; }

 private:
  std::string path_;
};

template <class Value>
Result<Value> read_copy(std::string const& path, Result<Value> (StateStore::*read)()) {
  std::error_code error;
  if (!fs::exists(path, error)) return failure(ErrorKind::not_found, fmt::format("there is no state file {}", path));
  ScratchDirectory const scratch;
  if (scratch.path().empty()) return std::unexpected{system_error("temporary directory", errno)};
  auto const copy = scratch.path() + "/state.db";
  fs::copy_file(path, copy, error);
  // What was written since the last checkpoint.
  if (!error && fs::exists(path + "-wal", error)) fs::copy_file(path + "-wal", copy + "-wal", error);
  if (error) return failure(ErrorKind::system, fmt::format("state file {}: {}", path, error.message()));
  auto const store = StateStore::open(copy);
  if (store) return ((**store).*read)();
  // It speaks of the copy, which nobody knows.
  auto text = store.error().text();
  if (auto const at = text.find(copy); at != std::string::npos) text.replace(at, copy.size(), path);
  return failure(store.error().kind(), std::move(text));
}

} // namespace

Result<std::vector<std::string>> stored_targets(std::string const& path) {
  return read_copy(path, &StateStore::targets);
}

Result<std::optional<PeerName>> stored_peer_name(std::string const& path) {
  return read_copy(path, &StateStore::peer_name);
}

} // namespace weave::controller::store
