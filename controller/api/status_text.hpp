#pragma once

#include <string>
#include <string_view>

#include "controller/api/messages.hpp"

/// The texts of `weave status` and its sub-commands, as scripts grep them (protocol/surfaces.md §5). Pure functions.
/// Control characters in what peers chose (nicknames, errors) are printed as `?`. All sort what the original left in
/// arbitrary order.
namespace weave::controller::api {

[[nodiscard]] std::string status_text(StatusReport const& report);
[[nodiscard]] std::string connections_text(StatusReport const& report);
[[nodiscard]] std::string peers_text(StatusReport const& report);
[[nodiscard]] std::string targets_text(StatusReport const& report);
/// Empty when the service is off, like ipam_text.
[[nodiscard]] std::string dns_text(StatusReport const& report);
[[nodiscard]] std::string ipam_text(StatusReport const& report);

/// `name(nickname)`, as peers are called everywhere.
[[nodiscard]] std::string full_name(PeerName name, std::string_view nickname);
/// What stands in brackets after the version (§5.1).
[[nodiscard]] std::string version_check_text(VersionCheckStatus const& check);
/// The word after `Status:` in the ipam section (§5.1).
[[nodiscard]] std::string ipam_state_text(IpamStatus const& ipam);
/// The part of a connection's line between its state and its attributes, also `Info` in the report (§5.2).
[[nodiscard]] std::string connection_info(ConnectionStatus const& connection);

} // namespace weave::controller::api
