#include "test/system/fast_path_contract.hpp"
#include "test/system/ovs_case.hpp"

namespace weave::test {

INSTANTIATE_TEST_SUITE_P(Openvswitch, FastPathContract, testing::Values(ovs_case()),
                         [](auto const& instance) { return instance.param.name; });

} // namespace weave::test
