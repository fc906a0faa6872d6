#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/peer_name.hpp"
#include "base/random.hpp"

namespace weave::controller {

/// The peer name an original daemon derives from its machine's identity: SHA-256 of a fixed prefix and the raw contents
/// of the identity files, made a locally administered unicast MAC (protocol/mesh.md §14, vector `system_peer_name`).
[[nodiscard]] PeerName peer_name_from_system_id(std::string_view system_id);

/// The concatenated contents, newlines included, of machine-id (or the D-Bus one) under `root` and of product_uuid (or
/// the hypervisor's). Missing files count as empty; empty if there are none.
[[nodiscard]] std::string read_system_id(std::filesystem::path const& root);

/// Of the identity files under `root`; without any, a random one of the same kind.
[[nodiscard]] PeerName peer_name_of_host(std::filesystem::path const& root, RandomSource& random);

} // namespace weave::controller
