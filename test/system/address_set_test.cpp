#include "datapath/link/address_set.hpp"

#include <gtest/gtest.h>

#include "test/system/scratch_namespace.hpp"

namespace weave::datapath {
namespace {

constexpr auto kName = "weaver-no-masq-local";

Ipv4Cidr cidr(char const* text) { return Ipv4Cidr::parse(text).value(); }

class AddressSetSystem : public testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    host = test::ScratchNamespace::create(reason);
    if (!host) GTEST_SKIP() << "no network namespace: " << reason;
    auto const opened = open();
    if (!opened && opened.error().kind() == ErrorKind::refused) GTEST_SKIP() << opened.error().text();
  }
  Result<std::unique_ptr<AddressSet>> open() {
    Result<std::unique_ptr<AddressSet>> opened{nullptr};
    (void)host->run([&]() -> Result<void> {
      opened = AddressSet::open(kName);
      return {};
    });
    return opened;
  }
  Result<void> destroy() {
    return host->run([] { return AddressSet::destroy(kName); });
  }

  std::unique_ptr<test::ScratchNamespace> host;
};

TEST_F(AddressSetSystem, HoldsWhatWasAdded) {
  auto const set = open();
  WEAVE_ASSERT_OK(set);
  EXPECT_TRUE((*set)->entries().value().empty());
  WEAVE_ASSERT_OK((*set)->add(cidr("10.40.0.0/14")));
  WEAVE_ASSERT_OK((*set)->add(cidr("10.32.0.0/13")));
  WEAVE_ASSERT_OK((*set)->add(cidr("10.44.0.5/32")));
  EXPECT_EQ((*set)->entries().value(), (std::vector{cidr("10.32.0.0/13"), cidr("10.40.0.0/14"), cidr("10.44.0.5/32")}));
  WEAVE_ASSERT_OK((*set)->remove(cidr("10.40.0.0/14")));
  EXPECT_EQ((*set)->entries().value(), (std::vector{cidr("10.32.0.0/13"), cidr("10.44.0.5/32")}));
}

TEST_F(AddressSetSystem, IsContentWhenThereIsNothingToDo) {
  auto const set = open();
  WEAVE_ASSERT_OK(set);
  WEAVE_ASSERT_OK((*set)->add(cidr("10.32.0.0/13")));
  WEAVE_ASSERT_OK((*set)->add(cidr("10.32.0.0/13")));
  WEAVE_ASSERT_OK((*set)->remove(cidr("10.48.0.0/13")));
  EXPECT_EQ((*set)->entries().value().size(), 1U);
}

TEST_F(AddressSetSystem, OutlivesWhoMadeItUntilItIsDestroyed) {
  {
    auto const set = open();
    WEAVE_ASSERT_OK(set);
    WEAVE_ASSERT_OK((*set)->add(cidr("10.32.0.0/13")));
  }
  {
    auto const set = open();
    WEAVE_ASSERT_OK(set);
    EXPECT_EQ((*set)->entries().value().size(), 1U);
  }
  WEAVE_ASSERT_OK(destroy());
  WEAVE_ASSERT_OK(destroy());
  auto const set = open();
  WEAVE_ASSERT_OK(set);
  EXPECT_TRUE((*set)->entries().value().empty());
}

TEST_F(AddressSetSystem, ListsMoreThanOneMessageHolds) {
  auto const set = open();
  WEAVE_ASSERT_OK(set);
  for (std::uint32_t i = 0; i < 3000; ++i) {
    WEAVE_ASSERT_OK((*set)->add({Ipv4Address{0x0a200000 + 2 * i}, 32}));
  }
  EXPECT_EQ((*set)->entries().value().size(), 3000U);
}

TEST_F(AddressSetSystem, SaysThatASetIsGone) {
  auto const set = open();
  WEAVE_ASSERT_OK(set);
  WEAVE_ASSERT_OK(destroy());
  auto const added = (*set)->add(cidr("10.32.0.0/13"));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind(), ErrorKind::not_found);
  EXPECT_EQ((*set)->entries().error().kind(), ErrorKind::not_found);
}

TEST_F(AddressSetSystem, MatchesInIptables) {
  if (host->shell("command -v iptables >/dev/null") != 0) GTEST_SKIP() << "iptables is not installed";
  auto const set = open();
  WEAVE_ASSERT_OK(set);
  if (host->shell("iptables -t nat -A POSTROUTING -m set --match-set weaver-no-masq-local dst -j RETURN 2>/dev/null") !=
      0) {
    GTEST_SKIP() << "this kernel's iptables cannot match sets";
  }
  auto const busy = destroy();
  ASSERT_FALSE(busy);
  EXPECT_EQ(host->shell("iptables -t nat -F POSTROUTING"), 0);
  WEAVE_ASSERT_OK(destroy());
}

} // namespace
} // namespace weave::datapath
