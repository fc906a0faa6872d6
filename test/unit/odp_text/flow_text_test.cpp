#include "datapath/odp/text/flow_text.hpp"

#include <gtest/gtest.h>

namespace weave::datapath::odp {
namespace {

Bytes hex(std::string_view text) { return parse_hex(text).value(); }

// in_port 2, eth src 02:77:0a:20:00:01 dst 02:77:0a:20:00:02, as a little-endian kernel has them.
constexpr std::string_view kKey =
    "0800030002000000"
    "1000040002770a20000102770a200002";
constexpr std::string_view kMask =
    "08000300ffffffff"
    "10000400000000000000ffffffffffff";

TEST(FlowText, PrintsWhatIsMatchedOnly) {
  EXPECT_EQ(match_text(hex(kKey), hex(kMask)), "in_port(2),eth(dst=02:77:0a:20:00:02)");
  EXPECT_EQ(match_text(hex(kKey), {}), "in_port(2),eth(src=02:77:0a:20:00:01,dst=02:77:0a:20:00:02)");
}

TEST(FlowText, PrintsPortsByName) {
  PortNames const names{{PortNo{2}, "vethwe-datapath"}, {PortNo{3}, "vxlan-6784"}};
  EXPECT_EQ(match_text(hex(kKey), hex(kMask), names), "in_port(vethwe-datapath),eth(dst=02:77:0a:20:00:02)");
  EXPECT_EQ(actions_text(hex("0800010003000000"), names), "vxlan-6784");
  EXPECT_EQ(actions_text(parse_actions_text("vxlan-6784", names).value()), "3");
}

TEST(FlowText, NoActionsAreADrop) { EXPECT_EQ(actions_text({}), "drop"); }

TEST(FlowText, ReadsWhatItPrints) {
  auto const text = match_text(hex(kKey), hex(kMask));
  auto const bytes = parse_match_text(text);
  ASSERT_TRUE(bytes) << bytes.error().text();
  EXPECT_EQ(match_text(bytes->key, bytes->mask), text);
}

TEST(FlowText, NonsenseIsMalformed) {
  EXPECT_EQ(parse_match_text("in_port(").error().kind(), ErrorKind::malformed);
  EXPECT_EQ(parse_actions_text("set(bogus)").error().kind(), ErrorKind::malformed);
}

} // namespace
} // namespace weave::datapath::odp
