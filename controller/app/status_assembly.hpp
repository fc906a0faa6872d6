#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/scheduler.hpp"
#include "controller/api/messages.hpp"
#include "controller/app/data_plane.hpp"
#include "controller/app/expose_service.hpp"
#include "controller/app/store_service.hpp"
#include "controller/ipam/ipam_status.hpp"
#include "gossip/status.hpp"

namespace weave::controller {

/// The values of the mesh and of the allocator as the control API tells them. Pure.
[[nodiscard]] api::RouterStatus router_status(gossip::MeshStatus const& mesh);
[[nodiscard]] api::IpamStatus ipam_status(ipam::IpamStatus const& status);

/// Adds what the data plane knows: the user port, its counters and the learned addresses. `now` and `wall_now` are the
/// same instant on both clocks.
void add_data_plane(api::RouterStatus& router, DataPlane const& plane, gossip::MeshStatus const& mesh, TimePoint now,
                    WallTime wall_now);

/// What is not as it should be on this host, but for its clock.
[[nodiscard]] api::HostStatus host_status(StoreService const& store, DataPlane const& plane,
                                          ExposeService const& expose);
/// Peers whose clock is ahead by so many seconds, for people; empty: none is. Pure.
[[nodiscard]] std::string clock_text(std::map<PeerName, std::int64_t> const& seconds_ahead);

/// What the kernel fast path forwards by; nothing if there is none.
[[nodiscard]] Result<std::optional<api::FastPathStatus>> fast_path_status(DataPlane const& plane);

} // namespace weave::controller
