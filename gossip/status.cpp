#include "gossip/status.hpp"

namespace weave::gossip {

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

} // namespace weave::gossip
