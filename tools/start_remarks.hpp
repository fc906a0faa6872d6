#pragma once

#include <ostream>

#include "controller/api/messages.hpp"
#include "tools/daemon_answer.hpp"

namespace weave::tools {

/// The exit status of a launch after which the daemon runs and Docker's network weave cannot be had.
inline constexpr int kNoDockerNetwork = 5;

/// What a daemon that has just started found wrong with this host, one line each on `err`: not what concerns its
/// peers, which have had no time to answer. 0, or kNoDockerNetwork. Pure.
int tell_start_remarks(controller::api::StatusReport const& report, std::ostream& err);
/// The same of a running daemon; 0 if it does not answer.
int ask_start_remarks(ApiClient const& daemon, std::ostream& err);

} // namespace weave::tools
