#include "datapath/bridge/drop_reason.hpp"

namespace weave::datapath {

std::string_view to_string(DropReason reason) {
  switch (reason) {
    case DropReason::none: return "none";
    case DropReason::runt: return "runt";
    case DropReason::special_frame: return "special_frame";
    case DropReason::invalid_source: return "invalid_source";
    case DropReason::bridge_control: return "bridge_control";
    case DropReason::local_destination: return "local_destination";
    case DropReason::held_down: return "held_down";
    case DropReason::returned: return "returned";
    case DropReason::no_route: return "no_route";
    case DropReason::backwards: return "backwards";
    case DropReason::untagged: return "untagged";
    case DropReason::unknown_peer: return "unknown_peer";
  }
  return "unknown";
}

} // namespace weave::datapath
