#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace weave::controller {

/// Tells the service manager about this process ("READY=1", "STOPPING=1"), if there is one that asked for it through
/// NOTIFY_SOCKET (systemd's sd_notify protocol). Never fails: without a listener nothing happens.
void notify_service_manager(std::string_view state);

/// The alarm that would end a start which takes too long is off from here on; without one nothing happens. Who starts
/// the daemon for a service manager sets it (`weave run-daemon`).
void end_start_limit();

/// The listening Unix sockets that the service manager opened for us (LISTEN_PID, LISTEN_FDS), by path; empty without
/// one. Call once, before anything else opens descriptors: it takes ownership of them and clears the variables.
[[nodiscard]] std::map<std::string, UniqueFd> inherited_sockets();

} // namespace weave::controller
