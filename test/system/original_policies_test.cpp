#include "datapath/ipsec/original_policies.hpp"

#include <gtest/gtest.h>

#include "test/system/scratch_namespace.hpp"

namespace weave::datapath {
namespace {

constexpr auto kKey = "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223";

class OriginalPoliciesSystem : public testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    host = test::ScratchNamespace::create(reason);
    if (!host) GTEST_SKIP() << "no network namespace: " << reason;
    if (ip("policy list", ">/dev/null 2>&1") != 0) GTEST_SKIP() << "no IPsec in this kernel, or no ip";
  }
  static std::string cipher(std::string const& spi,
                            std::string const& rest = "mode transport replay-window 256 flag esn") {
    return "proto esp spi " + spi + " " + rest + " aead 'rfc4106(gcm(aes))' " + kKey + " 128";
  }
  [[nodiscard]] int ip(std::string const& words, std::string const& rest = "") const {
    return host->shell("ip xfrm " + words + " " + rest);
  }
  void need_esp() const {
    if (ip("state add src 192.0.2.8 dst 192.0.2.9 " + cipher("0x900"), "2>/dev/null") != 0)
      GTEST_SKIP() << "no ESP in this kernel";
  }
  void have(std::string const& words) const { ASSERT_EQ(ip(words), 0) << words; }
  [[nodiscard]] bool has_association(std::string const& spi) const {
    return host->shell("ip xfrm state | grep -q 'spi 0x0*" + spi + " '") == 0;
  }
  [[nodiscard]] std::size_t remove() const {
    std::size_t count = 0;
    expect_done(host->run([&]() -> Result<void> {
      auto const removed = ipsec::remove_original_policies();
      if (!removed) return failure_of(removed);
      count = *removed;
      return {};
    }));
    return count;
  }
  static void expect_done(Result<void> const& done) { EXPECT_TRUE(done) << done.error().text(); }

  std::unique_ptr<test::ScratchNamespace> host;
};

constexpr auto kPolicy =
    "policy add dir out src 192.0.2.1/32 dst 192.0.2.2/32 proto udp mark 0x20000 mask 0x20000 "
    "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x101 mode transport";

TEST_F(OriginalPoliciesSystem, go_with_their_associations_of_both_directions_and_of_before) {
  ASSERT_NO_FATAL_FAILURE(need_esp());
  if (IsSkipped()) return;
  have(kPolicy);
  have("state add src 192.0.2.1 dst 192.0.2.2 " + cipher("0x101"));
  have("state add src 192.0.2.2 dst 192.0.2.1 " + cipher("0x102"));
  have("state add src 192.0.2.2 dst 192.0.2.1 " + cipher("0x103"));
  EXPECT_EQ(remove(), 1U);
  EXPECT_EQ(host->shell("test -z \"$(ip xfrm policy)\""), 0);
  for (auto const* spi : {"101", "102", "103"}) EXPECT_FALSE(has_association(spi)) << spi;
  EXPECT_TRUE(has_association("900"));
  EXPECT_EQ(remove(), 0U);
}

TEST_F(OriginalPoliciesSystem, leave_what_others_have_between_the_same_hosts) {
  ASSERT_NO_FATAL_FAILURE(need_esp());
  if (IsSkipped()) return;
  have(kPolicy);
  have("state add src 192.0.2.1 dst 192.0.2.2 " + cipher("0x201", "mode tunnel replay-window 256 flag esn"));
  have("state add src 192.0.2.1 dst 192.0.2.2 " + cipher("0x202", "mode transport replay-window 32"));
  have("state add src 192.0.2.1 dst 192.0.2.2 " + cipher("0x203", "reqid 7 mode transport replay-window 256 flag esn"));
  have(
      "state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x204 mode transport replay-window 256 flag esn aead "
      "'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128");
  EXPECT_EQ(remove(), 1U);
  for (auto const* spi : {"201", "202", "203", "204"}) EXPECT_TRUE(has_association(spi)) << spi;
}

TEST_F(OriginalPoliciesSystem, go_and_are_counted) {
  have(kPolicy);
  EXPECT_EQ(remove(), 1U);
  EXPECT_EQ(host->shell("test -z \"$(ip xfrm policy)\""), 0);
  EXPECT_EQ(remove(), 0U);
}

TEST_F(OriginalPoliciesSystem, are_known_by_more_than_their_mark) {
  auto const with = [](std::string const& match, std::string const& rest) {
    return "policy add dir out src 192.0.2.1/32 dst 192.0.2.2/32 " + match + " " + rest;
  };
  std::string const mark = "mark 0x20000 mask 0x20000";
  std::string const esp = "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp ";
  have(with("proto udp dport 4500 " + mark, esp + "spi 0x101 mode transport"));
  have(with("proto tcp " + mark, esp + "spi 0x101 mode transport"));
  have(with("proto udp", esp + "spi 0x101 mode transport"));
  have(with("proto udp mark 0x20000 mask 0xffffffff", esp + "spi 0x101 mode transport"));
  have(with("proto udp " + mark, esp + "reqid 9 mode transport"));
  EXPECT_EQ(remove(), 0U);
  EXPECT_EQ(host->shell("test $(ip xfrm policy | grep -c '^src') = 5"), 0);
}

} // namespace
} // namespace weave::datapath
