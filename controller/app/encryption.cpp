#include "controller/app/encryption.hpp"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <fmt/format.h>

#include "base/unique_fd.hpp"
#include "gossip/password_keys.hpp"

namespace weave::controller {
namespace {

/// Longer ones are no passwords but a wrong file.
constexpr std::size_t kPasswordMax = 4096;

/// What the file holds but for the end of its last line.
Result<Secret> read_password(std::string const& path) {
  auto const unreadable = [&](int error) {
    return failure(ErrorKind::system,
                   fmt::format("cannot read the password file: {}", system_error(path, error).text()));
  };
  UniqueFd const file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return unreadable(errno);
  Bytes octets(kPasswordMax + 1);
  std::size_t size = 0;
  while (size < octets.size()) {
    auto const got = ::read(file.get(), octets.data() + size, octets.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kPasswordMax) {
    return failure(ErrorKind::out_of_range,
                   fmt::format("password file {} is longer than {} octets", path, kPasswordMax));
  }
  if (size > 0 && octets[size - 1] == '\n') --size;
  octets.resize(size);
  if (octets.empty()) return failure(ErrorKind::malformed, fmt::format("password file {} is empty", path));
  return Secret{std::move(octets)};
}

} // namespace

Result<KeyMaker> keys_of(Options const& options) {
  if (!options.password_file.empty()) {
    auto password = read_password(options.password_file);
    if (!password) return failure_of(password);
    return gossip::keys_of_password(*std::move(password));
  }
  if (!options.password) return KeyMaker{};
  return gossip::keys_of_password(options.password->clone());
}

} // namespace weave::controller
