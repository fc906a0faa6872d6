#pragma once

#include "controller/app/options.hpp"
#include "controller/ipam/formation.hpp"

namespace weave::controller {

/// How the address ring is to be made, from `--ipalloc-init` (protocol/ipam-dns.md §4).
[[nodiscard]] ipam::Formation formation_of(IpallocInit const& init);

} // namespace weave::controller
