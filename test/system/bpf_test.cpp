#include "test/system/bpf_case.hpp"
#include "test/system/fast_path_contract.hpp"

namespace weave::test {

INSTANTIATE_TEST_SUITE_P(Bpf, FastPathContract, testing::Values(bpf_case()),
                         [](auto const& instance) { return instance.param.name; });

} // namespace weave::test
