#include "datapath/bpf/bpf_fast_path.hpp"

namespace weave::datapath::bpf {

Result<std::unique_ptr<FastPath>> open_bpf_fast_path(BpfFastPathConfig) {
  return failure(ErrorKind::unavailable, "built without BPF");
}

} // namespace weave::datapath::bpf
