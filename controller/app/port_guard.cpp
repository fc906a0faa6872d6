#include "controller/app/port_guard.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

#include "base/unique_fd.hpp"

namespace weave::controller {
namespace {

constexpr Duration kInterval = std::chrono::seconds{10};

} // namespace

bool is_udp_port_free(std::uint16_t port) {
  UniqueFd const fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!fd) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  void const* const generic = &address;
  return ::bind(fd.get(), static_cast<sockaddr const*>(generic), sizeof address) == 0;
}

PortGuard::PortGuard(Scheduler& scheduler, std::uint16_t port, std::function<void()> on_free)
    : scheduler_{scheduler}, port_{port}, on_free_{std::move(on_free)} {
  watch();
}

void PortGuard::watch() {
  timer_ = scheduler_.after(kInterval, [this] {
    if (!is_udp_port_free(port_)) return watch();
    on_free_();
  });
}

} // namespace weave::controller
