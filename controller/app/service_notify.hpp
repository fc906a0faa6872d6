#pragma once

#include <string_view>

namespace weave::controller {

/// Tells the service manager about this process ("READY=1", "STOPPING=1"), if there is one that asked for it through
/// NOTIFY_SOCKET (systemd's sd_notify protocol). Never fails: without a listener nothing happens.
void notify_service_manager(std::string_view state);

} // namespace weave::controller
