#include "controller/app/ring_formation.hpp"

namespace weave::controller {

ipam::Formation formation_of(IpallocInit const& init) {
  switch (init.mode) {
    case IpallocInit::Mode::seed: return {.mode = ipam::Formation::Mode::seeds, .seeds = init.seeds, .peer_count = {}};
    case IpallocInit::Mode::observer: return {.mode = ipam::Formation::Mode::observer, .seeds = {}, .peer_count = {}};
    case IpallocInit::Mode::consensus: break;
  }
  ipam::Formation formation{};
  if (init.peers != 0) formation.peer_count = init.peers;
  return formation;
}

} // namespace weave::controller
