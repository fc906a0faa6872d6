#include "gossip/gossip_message.hpp"

#include <gtest/gtest.h>

#include "gossip/frame_codec.hpp"
#include "gossip/surrogate_channel.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::gossip {
namespace {

namespace json = boost::json;
using test::VectorFile;

Bytes encode_again(std::uint8_t tag, GossipMessage const& message) {
  ByteWriter out;
  out.u8(tag);
  if (tag == 5) {
    out.raw(encode_unicast_body(message.channel, message.source, message.destination, message.payload.value()));
  } else {
    out.raw(encode_gossip_body(message.channel, message.source, message.payload.value()));
  }
  return out.take();
}

void check_vector(json::object const& vector) {
  Bytes const wire = test::hex_member(vector, "hex");
  std::uint8_t const tag = wire.front();
  auto const message = decode_gossip_message(tag, ByteView{wire}.subspan(1));
  ASSERT_TRUE(message) << message.error().text();
  ASSERT_TRUE(message->payload) << message->payload.error().text();
  EXPECT_EQ(to_hex(encode_again(tag, *message)), to_hex(wire));

  ClearSealer clear;
  EXPECT_EQ(encode_frame(wire, clear).value(), test::hex_member(vector, "v2_frame_hex"));
}

TEST(GossipMessage, VectorsBothWays) {
  auto& mesh = VectorFile::load("mesh");
  std::size_t checked = 0;
  for (auto const& item : mesh.all()) {
    if (item.at("group").as_string() != "gossip" || !item.as_object().contains("v2_frame_hex")) continue;
    std::string const name{item.at("name").as_string()};
    SCOPED_TRACE(name);
    check_vector(item.as_object());
    mesh.covered(name);
    ++checked;
  }
  EXPECT_EQ(checked, 6U);
}

TEST(GossipMessage, FieldsOfEachTag) {
  auto& mesh = VectorFile::load("mesh");
  Bytes const unicast = test::hex_member(mesh.named("gossip_unicast"), "hex");
  auto const message = decode_gossip_message(5, ByteView{unicast}.subspan(1)).value();
  EXPECT_EQ(message.channel, "IPallocation");
  EXPECT_EQ(message.source.to_string(), "7a:00:00:00:00:01");
  EXPECT_EQ(message.destination.to_string(), "7a:00:00:00:00:02");
  EXPECT_EQ(to_hex(message.payload.value()), "000102");

  Bytes const broadcast = test::hex_member(mesh.named("gossip_broadcast"), "hex");
  auto const heard = decode_gossip_message(6, ByteView{broadcast}.subspan(1)).value();
  EXPECT_EQ(heard.source.to_string(), "7a:00:00:00:00:03");
  EXPECT_TRUE(heard.destination.is_unknown());
  EXPECT_EQ(as_text(heard.payload.value()), "hello");
}

TEST(GossipMessage, MalformedOnesAreErrors) {
  for (auto const* body :
       {"", "00", "ff", "0b0c0008746f", "0b0c0008746f706f6c6f6779", "0b0c0008746f706f6c6f677904040002",
        "090600fa7a0000000001", "0b0c0008746f706f6c6f6779090600f97a000000000100"}) {
    auto const message = decode_gossip_message(4, parse_hex(body).value());
    EXPECT_FALSE(message && message->payload) << body;
  }
  EXPECT_FALSE(decode_gossip_message(7, {}));
}

TEST(GossipMessage, ARelayedUnicastNeedsNoGoodPayload) {
  Bytes const body = parse_hex(
                         "040c000178090600fa7a0000000001090600fa7a0000000002"
                         "030c0000")
                         .value();
  auto const message = decode_gossip_message(5, body);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->destination.to_string(), "7a:00:00:00:00:02");
  EXPECT_FALSE(message->payload);
}

TEST(GossipMessage, HashBySurrogatesOfUnknownChannels) {
  auto& mesh = VectorFile::load("mesh");
  for (auto const& row : mesh.named("surrogate_fnv1a64").at("table").as_array()) {
    auto const input = test::hex_member(row.as_object(), "input_hex");
    EXPECT_EQ(to_hex(ByteWriter{}.u64(fnv1a(input)).bytes()), row.at("fnv1a64").as_string());
  }
  mesh.covered("surrogate_fnv1a64");
}

} // namespace
} // namespace weave::gossip
