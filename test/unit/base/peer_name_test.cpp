#include "base/peer_name.hpp"

#include <gtest/gtest.h>

#include "test/fixtures/vectors.hpp"

namespace weave {
namespace {

TEST(PeerName, accepts_and_refuses_the_forms_of_the_original) {
  auto& file = test::VectorFile::load("mesh");
  auto const& vector = file.named("peer_name_forms");
  for (auto const& item : vector.at("table").as_array()) {
    auto const& form = item.as_object();
    std::string const input{form.at("input").as_string()};
    auto const parsed = PeerName::parse(input);
    if (auto const* const error = form.if_contains("error")) {
      ASSERT_FALSE(parsed) << input;
      EXPECT_EQ(parsed.error().text(), std::string{error->as_string()}) << input;
    } else {
      ASSERT_TRUE(parsed) << input;
      EXPECT_EQ(parsed->to_string(), std::string{form.at("canonical").as_string()}) << input;
    }
  }
  file.covered("peer_name_forms");
}

TEST(PeerName, orders_by_number_and_writes_most_significant_byte_first) {
  auto const name = PeerName::parse("7a:00:00:00:00:01").value();
  EXPECT_EQ(name.value(), 0x7a0000000001ULL);
  EXPECT_EQ(to_hex(name.bytes()), "7a0000000001");
  EXPECT_LT(PeerName::parse("01:ff:ff:ff:ff:ff").value(), name);
}

} // namespace
} // namespace weave
