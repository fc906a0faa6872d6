#include "datapath/link/isolation.hpp"

#include <cstdio>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "test/system/scratch_namespace.hpp"

namespace weave::datapath {
namespace {

Ipv4Cidr const kBlue = Ipv4Cidr::parse("10.40.0.0/16").value();

IsolatedNetworks blue(std::set<std::string> ports) {
  auto const mac = [](char const* text) { return MacAddress::parse(text).value(); };
  return {{kBlue,
           {.first_mac = mac("02:77:0a:28:00:00"), .last_mac = mac("02:77:0a:28:ff:ff"), .ports = std::move(ports)}}};
}

/// An isolation of a namespace of its own, used inside it.
class IsolationSystem : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    host_ = test::ScratchNamespace::create(reason);
    if (!host_) GTEST_SKIP() << "no network namespace: " << reason;
    open();
    ASSERT_TRUE(isolation_.has_value());
  }
  /// Another process.
  void open() {
    (void)host_->run([&]() -> Result<void> {
      auto opened = PortIsolation::open();
      if (opened) isolation_.emplace(std::move(*opened));
      return {};
    });
  }
  [[nodiscard]] bool has(std::string const& text) const {
    return host_->shell("nft list table bridge weave 2>/dev/null | grep -qF '" + text + "'") == 0;
  }

  std::unique_ptr<test::ScratchNamespace> host_;
  std::optional<PortIsolation> isolation_;
};

TEST_F(IsolationSystem, PortsComeAndGo) {
  WEAVE_ASSERT_OK(isolation_->apply(blue({"vethwl1"})));
  EXPECT_TRUE(has("elements = { \"vethwl1\" : goto from_10.40.0.0_16 }"));
  WEAVE_ASSERT_OK(isolation_->apply(blue({"vethwl1", "vethwl2"})));
  EXPECT_TRUE(has("\"vethwl2\" : goto to_10.40.0.0_16"));
  WEAVE_ASSERT_OK(isolation_->apply(blue({"vethwl2"})));
  EXPECT_FALSE(has("vethwl1"));
  WEAVE_ASSERT_OK(isolation_->apply({}));
  EXPECT_FALSE(has("table bridge weave"));
  WEAVE_ASSERT_OK(isolation_->apply({}));
}

TEST_F(IsolationSystem, AdoptsWhatAnEarlierProcessLeft) {
  WEAVE_ASSERT_OK(isolation_->apply(blue({"vethwl1"})));
  open();
  WEAVE_ASSERT_OK(isolation_->apply(blue({"vethwl2"})));
  EXPECT_TRUE(has("vethwl2"));
  EXPECT_FALSE(has("vethwl1"));
  open();
  WEAVE_ASSERT_OK(isolation_->apply({}));
  EXPECT_FALSE(has("table bridge weave"));
}

TEST_F(IsolationSystem, IsSeenByWhoHasNotMadeIt) {
  auto const is_there = [this] {
    bool there = false;
    (void)host_->run([&]() -> Result<void> {
      there = is_isolation_there();
      return {};
    });
    return there;
  };
  EXPECT_FALSE(is_there());
  WEAVE_ASSERT_OK(isolation_->apply(blue({"vethwl1"})));
  EXPECT_TRUE(is_there());
}

TEST_F(IsolationSystem, WhatCouldNotBePutBackIsNotTakenForInForce) {
  WEAVE_ASSERT_OK(isolation_->apply(blue({"vethwl1"})));
  ASSERT_EQ(host_->shell("nft delete table bridge weave"), 0);
  // A table of our name that belongs to another process, as long as that runs.
  FILE* other = nullptr;
  WEAVE_ASSERT_OK(host_->run([&]() -> Result<void> {
    other = ::popen("nft -i >/dev/null 2>&1", "w");
    return {};
  }));
  ASSERT_NE(other, nullptr);
  std::fputs("add table bridge weave { flags owner; }\n", other);
  std::fflush(other);
  ASSERT_EQ(host_->shell("for i in $(seq 100); do nft list table bridge weave >/dev/null 2>&1 && exit 0; sleep 0.05; "
                         "done; exit 1"),
            0);
  EXPECT_FALSE(isolation_->restore());
  EXPECT_FALSE(isolation_->apply(blue({"vethwl1"}))) << "the same as before, but it is not in force";
  ::pclose(other);
  WEAVE_ASSERT_OK(isolation_->apply(blue({"vethwl1"})));
  EXPECT_TRUE(has("elements = { \"vethwl1\" : goto from_10.40.0.0_16 }"));
}

TEST_F(IsolationSystem, KnowsItsOwnChangesFromThoseOfOthers) {
  EXPECT_EQ(isolation_->disturbed(), false);
  WEAVE_ASSERT_OK(isolation_->apply(blue({})));
  WEAVE_ASSERT_OK(isolation_->apply(blue({"vethwl1"})));
  EXPECT_EQ(isolation_->disturbed(), false);
  ASSERT_EQ(host_->shell("nft add table bridge other"), 0);
  EXPECT_EQ(isolation_->disturbed(), false);
  for (auto const* const harm :
       {"nft flush ruleset", "nft delete table bridge weave", "nft flush chain bridge weave prerouting",
        "nft delete element bridge weave from '{ \"vethwl1\" : goto from_10.40.0.0_16 }'"}) {
    ASSERT_EQ(host_->shell(harm), 0) << harm;
    EXPECT_EQ(isolation_->disturbed(), true) << harm;
    WEAVE_ASSERT_OK(isolation_->restore());
    EXPECT_EQ(isolation_->disturbed(), false) << harm;
    EXPECT_TRUE(has("elements = { \"vethwl1\" : goto from_10.40.0.0_16 }")) << harm;
  }
  // In the middle of our own: the change builds on what is not there any more.
  ASSERT_EQ(host_->shell("nft flush ruleset"), 0);
  WEAVE_ASSERT_OK(isolation_->apply(blue({"vethwl1", "vethwl2"})));
  EXPECT_EQ(isolation_->disturbed(), true);
  EXPECT_TRUE(has("\"vethwl1\" : goto"));
}

} // namespace
} // namespace weave::datapath
