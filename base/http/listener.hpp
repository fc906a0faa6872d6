#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "base/http/endpoint.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace weave::http {

/// A socket file we made: removed on destruction, unless somebody has put another file in its place. Move-only.
class SocketFile {
 public:
  SocketFile(std::string path, dev_t device, ino_t inode) : path_{std::move(path)}, device_{device}, inode_{inode} {}
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();

 private:
  std::string path_;
  dev_t device_;
  ino_t inode_;
};

/// A listening, non-blocking descriptor, where it listens, and the file to remove. `file` goes before `fd`, so that a
/// client sees "no such file" rather than a refused connection.
struct Listener {
  UniqueFd fd;
  Endpoint endpoint;
  std::optional<SocketFile> file;
};

[[nodiscard]] Result<Listener> listen_unix(std::string const& path, unsigned mode);
[[nodiscard]] Result<Listener> listen_tcp(Endpoint const& endpoint);
/// For a descriptor that listens already (socket activation).
[[nodiscard]] Result<Listener> adopt_listener(UniqueFd fd);

} // namespace weave::http
