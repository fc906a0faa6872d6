#include "controller/app/service_notify.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/unique_fd.hpp"

namespace weave::controller {

void notify_service_manager(std::string_view state) {
  char const* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string_view const name{path};
  if (name.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, name.data(), name.size());
  // A leading @ stands for the zero byte of an abstract address.
  if (path[0] == '@') address.sun_path[0] = '\0';
  UniqueFd const socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket) return;
  auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  [[maybe_unused]] auto const sent = ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                                              reinterpret_cast<sockaddr const*>(&address), length);
}

} // namespace weave::controller
