#include "controller/app/address_service.hpp"

#include <deque>

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
  test::AllocatorRig rig_{test::lone_peer(), clock_};
  AllocationGate gate_;
  std::vector<std::string> touched_;
  PluginAddresses addresses_{*rig_.allocator,
                             gate_,
                             cidr("10.32.0.0/12"),
                             {.waiting_for = [] { return std::string{"somebody"}; },
                              .touched = [this](Ipv4Address address) { touched_.push_back(address.to_string()); }}};
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

TEST_F(PluginAddressesTest, tells_what_was_given_out_and_back) {
  ASSERT_TRUE(allocate("10.32.0.0/12", "10.32.0.0/12"));
  ASSERT_TRUE(claim("10.40.9.9/12"));
  EXPECT_FALSE(claim("10.40.9.9/12"));
  ASSERT_TRUE(addresses_.release(address("10.32.0.1")));
  EXPECT_EQ(touched_, (std::vector<std::string>{"10.32.0.1", "10.40.9.9", "10.32.0.1"}));
}

TEST_F(PluginAddressesTest, gives_nothing_while_the_gate_is_closed) {
  gate_.close(clock_, std::chrono::seconds{5}, [] {});
  Answered<Ipv4Address> first;
  Answered<void> second;
  Answered<Ipv4Address> third;
  auto const range = cidr("10.32.0.0/12").range();
  auto const cancel_first = addresses_.allocate(cidr("10.32.0.0/12"), range, first.take());
  auto const cancel_second = addresses_.claim(cidr("10.32.0.1/12"), second.take());
  auto const cancel_third = addresses_.allocate(cidr("10.32.0.0/12"), range, third.take());
  clock_.advance(std::chrono::seconds{4});
  EXPECT_FALSE(first.done() || second.done() || third.done());
  cancel_first();
  EXPECT_EQ(first.result->error().kind(), ErrorKind::cancelled);
  clock_.advance(std::chrono::seconds{1});
  EXPECT_FALSE(gate_.closed());
  EXPECT_TRUE(second.result.value());
  EXPECT_EQ(third.result.value().value(), address("10.32.0.2"));
  EXPECT_TRUE(allocate("10.32.0.0/12", "10.32.0.0/12"));
}

class ControlAddressesTest : public testing::Test {
 protected:
  ControlAddressesTest() {
    EXPECT_TRUE(rig_.allocator->restore());
    rig_.allocator->start();
  }
  Answered<Ipv4Cidr>& allocate(std::string const& id, bool check_alive) {
    cancel_ = addresses_.allocate(id, std::nullopt, check_alive, std::nullopt, allocated_.emplace_back().take());
    clock_.settle();
    return allocated_.back();
  }
  [[nodiscard]] bool watched(std::string const& id) const {
    auto const* const row = rig_.allocator->owned().find(id);
    return row != nullptr && row->is_container;
  }

  test::VirtualScheduler clock_;
  test::AllocatorRig rig_{test::lone_peer(), clock_};
  AllocationGate gate_;
  std::string saved_;
  bool disk_full_ = false;
  HandFiledAddresses by_hand_{"10.32.7.7 nonsense 10.32.7.8", [this](std::string const& text) -> Result<void> {
                                if (disk_full_) return failure(ErrorKind::system, "disk full");
                                saved_ = text;
                                return {};
                              }};
  std::vector<std::string> asked_;
  std::function<void(bool)> answer_;
  ControlAddresses addresses_{*rig_.allocator, gate_, by_hand_,
                              [this](std::string const& id, std::function<void(bool)> done) {
                                asked_.push_back(id);
                                answer_ = std::move(done);
                              }};
  std::deque<Answered<Ipv4Cidr>> allocated_;
  api::Cancel cancel_;
};

TEST_F(ControlAddressesTest, asks_once_whether_the_container_runs) {
  auto const& first = allocate("c1", true);
  EXPECT_FALSE(first.done());
  answer_(true);
  clock_.settle();
  EXPECT_EQ(first.result.value().value(), cidr("10.32.0.1/12"));
  EXPECT_TRUE(watched("c1"));
  EXPECT_TRUE(allocate("c2", false).done());
  EXPECT_FALSE(watched("c2"));
  EXPECT_EQ(asked_, (std::vector<std::string>{"c1"}));
}

TEST_F(ControlAddressesTest, cancels_what_a_container_that_does_not_run_asks_for) {
  auto const& first = allocate("c1", true);
  answer_(false);
  EXPECT_EQ(first.error(), "Allocate request for c1 cancelled");
  Answered<void> claimed;
  cancel_ = addresses_.claim("c2", cidr("10.32.0.9/12"), true, false, std::nullopt, claimed.take());
  answer_(false);
  EXPECT_EQ(claimed.error(), "Claim request for c2 cancelled");
  EXPECT_TRUE(rig_.allocator->owned().all().empty());
}

TEST_F(ControlAddressesTest, forgets_a_caller_who_leaves_before_docker_has_answered) {
  auto const& first = allocate("c1", true);
  cancel_();
  EXPECT_EQ(first.result.value().error().kind(), ErrorKind::cancelled);
  answer_(true);
  clock_.settle();
  EXPECT_TRUE(rig_.allocator->owned().all().empty());
}

TEST_F(ControlAddressesTest, remembers_what_people_filed_without_an_id) {
  EXPECT_TRUE(by_hand_.contains(address("10.32.7.7")) && by_hand_.contains(address("10.32.7.8")));
  EXPECT_TRUE(allocate("_", false).result.value());
  EXPECT_EQ(saved_, "10.32.0.1 10.32.7.7 10.32.7.8");
  Answered<void> claimed;
  cancel_ = addresses_.claim("_", cidr("10.32.0.5/12"), false, false, std::nullopt, claimed.take());
  clock_.settle();
  EXPECT_TRUE(claimed.result.value());
  EXPECT_EQ(saved_, "10.32.0.1 10.32.0.5 10.32.7.7 10.32.7.8");
  EXPECT_TRUE(addresses_.release_all("10.32.0.1"));
  EXPECT_TRUE(addresses_.release("10.32.0.5", address("10.32.0.5")));
  EXPECT_EQ(saved_, "10.32.7.7 10.32.7.8");
  EXPECT_TRUE(allocate("c1", false).result.value());
  EXPECT_EQ(saved_, "10.32.7.7 10.32.7.8");
}

TEST_F(ControlAddressesTest, gives_nobody_what_cannot_be_marked_as_theirs) {
  EXPECT_TRUE(allocate("_", false).result.value());
  disk_full_ = true;
  EXPECT_EQ(allocate("_", false).error(), "disk full");
  Answered<void> claimed;
  cancel_ = addresses_.claim("_", cidr("10.32.0.5/12"), false, false, std::nullopt, claimed.take());
  clock_.settle();
  EXPECT_EQ(claimed.error(), "disk full");
  Answered<void> again;
  cancel_ = addresses_.claim("_", cidr("10.32.0.1/12"), false, false, std::nullopt, again.take());
  clock_.settle();
  EXPECT_TRUE(again.result.value()) << "it is marked";
  EXPECT_EQ(rig_.allocator->owned().all().size(), 1U);
  EXPECT_FALSE(by_hand_.contains(address("10.32.0.5")));
}

TEST_F(ControlAddressesTest, marks_only_what_was_claimed) {
  Answered<void> refused;
  EXPECT_TRUE(allocate("c1", false).result.value());
  cancel_ = addresses_.claim("10.32.0.1", cidr("10.32.0.1/12"), false, false, std::nullopt, refused.take());
  clock_.settle();
  EXPECT_FALSE(refused.result.value());
  EXPECT_FALSE(by_hand_.contains(address("10.32.0.1")));
}

} // namespace
} // namespace weave::controller
