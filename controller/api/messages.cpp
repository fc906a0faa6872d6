#include "controller/api/messages.hpp"

namespace weave::controller::api {

std::string_view version() { return WEAVE_VERSION; }

std::string_view to_string(ConnectionState state) {
  switch (state) {
    case ConnectionState::established: return "established";
    case ConnectionState::pending: return "pending";
    case ConnectionState::retrying: return "retrying";
    case ConnectionState::failed: return "failed";
    case ConnectionState::connecting: return "connecting";
    case ConnectionState::waiting: return "waiting";
  }
  return "unknown";
}

} // namespace weave::controller::api
