#include "gossip/frame_codec.hpp"

#include <gtest/gtest.h>

#include "test/fixtures/vectors.hpp"

namespace weave::gossip {
namespace {

using test::VectorFile;

Bytes hex(std::string_view text) { return parse_hex(text).value(); }

Bytes copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

/// All complete frames in `decoder`, as hex.
std::vector<std::string> take_all(FrameDecoder& decoder) {
  std::vector<std::string> bodies;
  while (true) {
    auto const body = decoder.next();
    if (!body || !*body) return bodies;
    bodies.push_back(to_hex(**body));
  }
}

TEST(FrameCodec, VectorsBothWays) {
  auto& mesh = VectorFile::load("mesh");
  ClearSealer clear;
  for (auto const& item : mesh.all()) {
    std::string const name{item.at("name").as_string()};
    if (!name.starts_with("frame_") || item.at("group").as_string() != "gossip") continue;
    Bytes const frame = test::hex_member(item.as_object(), "hex");
    Bytes const message = test::hex_member(item.as_object(), "message");
    EXPECT_EQ(encode_frame(message, clear).value(), frame) << name;
    FrameDecoder decoder;
    decoder.append(frame);
    EXPECT_EQ(take_all(decoder), std::vector{to_hex(message)}) << name;
    EXPECT_EQ(decoder.buffered(), 0U);
    mesh.covered(name);
  }
}

TEST(FrameCodec, TagAndBodyMakeOneMessage) {
  ClearSealer clear;
  EXPECT_EQ(to_hex(encode_frame(3, hex("0582"), clear).value()), "00000003030582");
  EXPECT_EQ(to_hex(encode_frame(0, {}, clear).value()), "0000000100");
}

TEST(FrameCodec, OctetByOctetAndAllAtOnceGiveTheSameFrames) {
  Bytes const stream =
      hex("0000000100"
          "00000000"
          "00000003070001"
          "000000050700030582");
  std::vector<std::string> const expected{"00", "", "070001", "0700030582"};
  FrameDecoder at_once;
  at_once.append(stream);
  EXPECT_EQ(take_all(at_once), expected);

  FrameDecoder dripping;
  std::vector<std::string> bodies;
  for (auto const octet : stream) {
    dripping.append({&octet, 1});
    for (auto& body : take_all(dripping)) bodies.push_back(std::move(body));
  }
  EXPECT_EQ(bodies, expected);
}

TEST(FrameCodec, AnnouncedLengthsAboveTheLimitAreRefusedBeforeTheBody) {
  for (auto const* header : {"ffffffff", "00a00001"}) {
    FrameDecoder decoder;
    decoder.append(hex(header));
    auto const body = decoder.next();
    ASSERT_FALSE(body);
    EXPECT_TRUE(body.error().text().starts_with("incoming message exceeds maximum size: "));
    EXPECT_TRUE(body.error().text().ends_with(" > 10485760"));
  }
  FrameDecoder decoder;
  decoder.append(hex("00a00000"));
  EXPECT_TRUE(decoder.next());
}

TEST(FrameCodec, TooBigVectorIsRefused) {
  auto& mesh = VectorFile::load("mesh");
  auto const& vector = mesh.named("frame_too_big");
  FrameDecoder decoder;
  decoder.append(test::hex_member(vector, "hex"));
  auto const body = decoder.next();
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().text(), vector.at("error").as_string());
  mesh.covered("frame_too_big");
}

TEST(FrameCodec, OutgoingLimit) {
  ClearSealer clear;
  EXPECT_TRUE(encode_frame(Bytes(kMaxFrameSize), clear));
  auto const frame = encode_frame(4, Bytes(kMaxFrameSize), clear);
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().text(), "outgoing message exceeds maximum size: 10485761 > 10485760");
}

TEST(FrameCodec, ViewsOfSeveralFramesStayValidUntilTheNextAppend) {
  FrameDecoder decoder;
  decoder.append(hex("00000001aa00000001bb"));
  auto const first = decoder.next().value().value();
  auto const second = decoder.next().value().value();
  EXPECT_EQ(copy(first), hex("aa"));
  EXPECT_EQ(copy(second), hex("bb"));
}

} // namespace
} // namespace weave::gossip
