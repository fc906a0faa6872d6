#include "controller/ipam/ranges.hpp"

#include <gtest/gtest.h>

#include "controller/ipam/ring.hpp"
#include "test/unit/ipam/ipam_vectors.hpp"

namespace weave::controller::ipam {
namespace {

using namespace weave::test;

void covered(std::string const& part) { ipam_file().covered("address/" + part); }

TEST(Ranges, choose_the_aligned_blocks_of_the_original) {
  for (auto const& item : ipam_group("address", "biggest_cidr_range")) {
    EXPECT_EQ(largest_aligned_block(range_of(item.at("range"))).to_string(), range_of(item.at("biggest")).to_string())
        << text_of(item.at("name"));
  }
  covered("biggest_cidr_range");
}

TEST(Ranges, decompose_into_cidrs_and_print_themselves) {
  for (auto const& item : ipam_group("address", "cidr_decomposition")) {
    auto const range = range_of(item.at("range"));
    std::vector<std::string> expected;
    for (auto const& cidr : item.at("cidrs").as_array()) expected.push_back(text_of(cidr));
    std::vector<std::string> found;
    for (auto const& cidr : to_cidrs(range)) found.push_back(cidr.to_string());
    EXPECT_EQ(found, expected);
    EXPECT_EQ(range.to_string(), text_of(item.at("range_string")));
    EXPECT_EQ(to_cidr_text(range), text_of(item.at("as_cidr_string")));
  }
  covered("cidr_decomposition");
}

TEST(Ranges, normalise_seed_lists) {
  for (auto const& item : ipam_group("address", "normalise_seeds")) {
    EXPECT_EQ(normalise_seeds(peers_of(item.at("in"))), peers_of(item.at("out")));
  }
  covered("normalise_seeds");
}

TEST(Ranges, parse_like_the_original) {
  for (auto const& item : ipam_group("address", "parse")) {
    auto const& vector = item.as_object();
    auto const text = text_of(item.at("text"));
    auto const cidr = Ipv4Cidr::parse(text);
    if (auto const* const error = vector.if_contains("cidr_error")) {
      ASSERT_FALSE(cidr) << text;
      EXPECT_EQ(cidr.error().text(), text_of(*error));
    } else {
      ASSERT_TRUE(cidr) << text;
      EXPECT_EQ(cidr->to_string(), text_of(item.at("cidr")));
      EXPECT_EQ(cidr->size(), number_of<std::uint32_t>(item.at("size")));
    }
    auto const subnet = Ipv4Cidr::parse_subnet(text);
    if (auto const* const error = vector.if_contains("subnet_error")) {
      ASSERT_FALSE(subnet) << text;
      EXPECT_EQ(subnet.error().text(), text_of(*error));
    } else {
      ASSERT_TRUE(subnet) << text;
      EXPECT_EQ(subnet->range(), range_of(item.at("range")));
      EXPECT_EQ(subnet->host_range(), range_of(item.at("host_range")));
    }
  }
  covered("parse");
}

TEST(Ranges, parse_peer_names_like_the_original) {
  for (auto const& item : ipam_group("address", "peer_name_parse")) {
    auto const text = text_of(item.at("text"));
    auto const name = PeerName::parse(text);
    if (auto const* const error = item.as_object().if_contains("error")) {
      ASSERT_FALSE(name) << text;
      EXPECT_EQ(name.error().text(), text_of(*error));
    } else {
      ASSERT_TRUE(name) << text;
      EXPECT_EQ(name->to_string(), text_of(item.at("parsed")));
      EXPECT_EQ(std::to_string(name->value()), text_of(item.at("value")));
    }
  }
  covered("peer_name_parse");
}

TEST(Ranges, reach_both_ends_of_the_address_space) {
  EXPECT_EQ(to_cidrs({Ipv4Address{0}, Ipv4Address{0xffffffff}}).size(), 32U);
  EXPECT_EQ(largest_aligned_block({Ipv4Address{5}, Ipv4Address{5}}).size(), 0U);
}

} // namespace
} // namespace weave::controller::ipam
