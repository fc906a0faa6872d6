#include "controller/app/address_service.hpp"

#include <gtest/gtest.h>

#include "test/unit/ipam/allocator_fakes.hpp"

namespace weave::controller {
namespace {

using test::Answered;

Ipv4Cidr cidr(char const* text) { return Ipv4Cidr::parse(text).value(); }
Ipv4Address address(char const* text) { return Ipv4Address::parse(text).value(); }

class PluginAddressesTest : public testing::Test {
 protected:
  PluginAddressesTest() { EXPECT_TRUE(rig_.allocator->restore()); }

  static ipam::AllocatorConfig config() {
    return {.self = PeerName{1},
            .nickname = "one",
            .uid = PeerUid{7},
            .universe = cidr("10.32.0.0/12"),
            .default_subnet = cidr("10.32.0.0/12"),
            .formation = {},
            .quorum = [] { return std::uint32_t{1}; }};
  }
  Result<Ipv4Address> allocate(char const* subnet, char const* range) {
    Answered<Ipv4Address> answered;
    [[maybe_unused]] auto const cancel = addresses_.allocate(cidr(subnet), cidr(range).range(), answered.take());
    clock_.settle();
    return answered.result.value_or(failure(ErrorKind::timed_out, "no answer"));
  }
  Result<void> claim(char const* wanted) {
    Answered<void> answered;
    [[maybe_unused]] auto const cancel = addresses_.claim(cidr(wanted), answered.take());
    clock_.settle();
    return answered.result.value_or(failure(ErrorKind::timed_out, "no answer"));
  }

  test::VirtualScheduler clock_;
  test::AllocatorRig rig_{config(), clock_};
  PluginAddresses addresses_{*rig_.allocator, cidr("10.32.0.0/12"), [] { return std::string{"somebody"}; }};
};

TEST_F(PluginAddressesTest, gives_every_request_another_address) {
  EXPECT_EQ(allocate("10.32.0.0/12", "10.32.0.0/12").value(), address("10.32.0.1"));
  EXPECT_EQ(allocate("10.32.0.0/12", "10.32.0.0/12").value(), address("10.32.0.2"));
}

TEST_F(PluginAddressesTest, keeps_to_the_range_inside_the_subnet) {
  EXPECT_EQ(allocate("10.40.0.0/16", "10.40.7.0/24").value(), address("10.40.7.1"));
}

TEST_F(PluginAddressesTest, refuses_an_address_that_anything_here_holds_also_under_the_same_text) {
  ASSERT_TRUE(claim("10.40.9.9/12"));
  auto const again = claim("10.40.9.9/12");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind(), ErrorKind::already_exists);
  ASSERT_TRUE(addresses_.release(address("10.40.9.9")));
  EXPECT_TRUE(claim("10.40.9.9/12"));
}

TEST_F(PluginAddressesTest, says_that_an_address_was_not_held) {
  auto const released = addresses_.release(address("10.33.0.1"));
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().kind(), ErrorKind::not_found);
}

TEST_F(PluginAddressesTest, gives_up_when_cancelled) {
  Answered<Ipv4Address> answered;
  auto const cancel = addresses_.allocate(cidr("10.32.0.0/12"), cidr("10.32.0.0/12").range(), answered.take());
  cancel();
  clock_.settle();
  ASSERT_TRUE(answered.done());
  EXPECT_EQ(answered.result->error().kind(), ErrorKind::cancelled);
  EXPECT_EQ(allocate("10.32.0.0/12", "10.32.0.0/12").value(), address("10.32.0.1"));
}

} // namespace
} // namespace weave::controller
