#pragma once

#include "datapath/odp/format.hpp"

namespace weave::datapath::odp {

/// The words of libopenvswitch for single attributes, for flows that somebody else has put into a datapath of ours.
/// Built only with the Meson option `openvswitch`. The attributes must come from the kernel: see flow_text.hpp.
[[nodiscard]] RawWords openvswitch_words();

} // namespace weave::datapath::odp
