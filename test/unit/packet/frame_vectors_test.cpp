#include <string>

#include <gtest/gtest.h>

#include "datapath/packet/classify.hpp"
#include "datapath/packet/icmp.hpp"
#include "datapath/packet/ipv4_fragment.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::datapath {
namespace {

using test::hex_member;
using test::VectorFile;

std::vector<boost::json::object const*> of_kind(std::string_view kind) {
  std::vector<boost::json::object const*> found;
  for (auto const& item : VectorFile::load("datapath").all()) {
    if (item.at("kind").as_string() == kind) found.push_back(&item.as_object());
  }
  EXPECT_FALSE(found.empty()) << kind;
  return found;
}

void covered(boost::json::object const& vector) {
  if (!testing::Test::HasFailure()) VectorFile::load("datapath").covered(std::string{vector.at("name").as_string()});
}

TEST(FrameVectors, Classification) {
  for (auto const* const vector : of_kind("frame-classification")) {
    SCOPED_TRACE(std::string{vector->at("name").as_string()});
    auto const kind = classify_frame(hex_member(*vector, "hex"));
    auto const& layers = vector->at("layers_decoded");
    EXPECT_EQ(kind == FrameKind::runt, layers.is_null());
    EXPECT_EQ(kind == FrameKind::special, vector->at("special").as_bool());
    if (vector->at("name").as_string() == "classify-ipip-df") {
      // The original looks at the inner header and misses the flag of the outer one (datapath.md §13 W14). We do not.
      EXPECT_EQ(kind, FrameKind::ipv4_df);
    } else {
      EXPECT_EQ(kind == FrameKind::ipv4_df, vector->at("df").as_bool());
      bool const is_ip = layers.is_array() && layers.as_array().size() == 2;
      EXPECT_EQ(kind == FrameKind::ipv4_df || kind == FrameKind::ipv4, is_ip);
    }
    covered(*vector);
  }
}

TEST(FrameVectors, Fragmentation) {
  for (auto const* const vector : of_kind("ip-fragmentation")) {
    SCOPED_TRACE(std::string{vector->at("name").as_string()});
    auto const input = hex_member(*vector, "input_hex");
    auto pieces = Ipv4Fragmenter::create(input, static_cast<std::uint32_t>(vector->at("mtu").to_number<int>()));
    ASSERT_TRUE(pieces);
    Bytes buffer(2000, 0xee);
    for (auto const& expected : vector->at("fragments").as_array()) {
      ASSERT_FALSE(pieces->done());
      auto const announced = pieces->next_size();
      auto const size = pieces->write_next(buffer);
      EXPECT_EQ(size, announced);
      EXPECT_EQ(to_hex(ByteView{buffer}.first(size)), std::string{expected.at("hex").as_string()});
    }
    EXPECT_TRUE(pieces->done());
    EXPECT_EQ(pieces->write_next(buffer), 0U);
    covered(*vector);
  }
}

TEST(FrameVectors, FragmentationNeeded) {
  for (auto const* const vector : of_kind("icmp-frag-needed")) {
    SCOPED_TRACE(std::string{vector->at("name").as_string()});
    auto input = hex_member(*vector, "input_hex");
    input.resize(vector->at("input_len").to_number<std::size_t>());
    Bytes buffer(kFragmentationNeededSize, 0xee);
    auto const size =
        write_fragmentation_needed(input, static_cast<std::uint16_t>(vector->at("mtu").to_number<int>()), buffer);
    EXPECT_EQ(to_hex(ByteView{buffer}.first(size)), std::string{vector->at("hex").as_string()});
    EXPECT_TRUE(may_answer_with_icmp_error(input));
    covered(*vector);
  }
}

} // namespace
} // namespace weave::datapath
