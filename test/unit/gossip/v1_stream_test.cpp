#include "gossip/v1_stream.hpp"

#include <gtest/gtest.h>

#include "gossip/connection.hpp"
#include "gossip/frame_codec.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/scripted_stream.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::gossip {
namespace {

using test::VectorFile;

VectorFile& mesh() { return VectorFile::load("mesh"); }

Bytes hex(std::string_view text) { return parse_hex(text).value(); }

Bytes part_of(boost::json::object const& vector, std::size_t number) {
  return test::hex_member(vector.at("parts").at(number).as_object(), "hex");
}

/// One end of a connection of version 1, whose messages are written down.
class V1Connection : public testing::Test {
 protected:
  V1Connection() {
    Connection::Settings settings{.versions = {1, 2}, .features = {{"Name", "us"}, {"Overlays", "sleeve"}}};
    connection = std::make_unique<Connection>(
        remote.stream(), scheduler, Logger{log}, std::move(settings),
        Connection::Handlers{.on_introduced =
                                 [this](Features const& remote_features) {
                                   features = remote_features;
                                   connection->start_receiving();
                                 },
                             .on_message = [this](std::uint8_t tag, ByteView body) -> Result<void> {
                               messages.push_back(std::to_string(tag) + ":" + to_hex(body));
                               return {};
                             },
                             .on_closed = [this](Error const& error) { cause = error.text(); }});
    connection->start();
  }

  void introduce() {
    remote.sends(hex("77656176650101"));
    remote.sends(encode_features({{"Name", "them"}, {std::string{kReasonFeature}, "1"}}));
    scheduler.settle();
    (void)remote.take_written();
  }

  test::VirtualScheduler scheduler;
  std::shared_ptr<test::LogRecorder> log = std::make_shared<test::LogRecorder>();
  test::ScriptedRemote remote;
  std::unique_ptr<Connection> connection;
  Features features;
  std::vector<std::string> messages;
  std::string cause;
};

TEST_F(V1Connection, RecordedStreamInPiecesOfAnySize) {
  auto const& vector = mesh().named("v1_stream_clear");
  auto const stream = test::hex_member(vector, "hex");
  for (auto const octet : stream) remote.sends({&octet, 1});
  scheduler.settle();
  EXPECT_EQ(connection->version(), 1);
  EXPECT_EQ(features.at("NickName"), "one");
  EXPECT_EQ(messages,
            (std::vector<std::string>{"4:0d0c000a6e616d65736572766572090600fa7a0000000001050a00026869", "1:"}));
  EXPECT_EQ(cause, "");
  // And what we would write.
  ClearSealer clear;
  EXPECT_EQ(encode_frame(0, {}, clear, Framing::gob).value(), part_of(vector, 2));
  EXPECT_EQ(
      encode_frame(4, hex("0d0c000a6e616d65736572766572090600fa7a0000000001050a00026869"), clear, Framing::gob).value(),
      part_of(vector, 3));
  EXPECT_EQ(encode_frame(1, {}, clear, Framing::gob).value(), part_of(vector, 4));
  mesh().covered("v1_stream_clear");
}

TEST_F(V1Connection, SendsMessagesAndHeartbeatsAsValues) {
  introduce();
  ASSERT_TRUE(connection->send(4, hex("aabb")));
  EXPECT_EQ(to_hex(remote.take_written()), "060a000304aabb");
  scheduler.advance(kHeartbeatInterval);
  EXPECT_EQ(to_hex(remote.take_written()), "040a000100");
}

TEST_F(V1Connection, NoReasonIsToldForVersionOneHasNoFeatures) {
  introduce();
  connection->close({ErrorKind::refused, "reason"});
  EXPECT_TRUE(remote.is_finished());
  EXPECT_TRUE(remote.take_written().empty());
}

TEST_F(V1Connection, BlankMessagesAreIgnored) {
  introduce();
  remote.sends(hex("030a0000"));
  EXPECT_EQ(log->count("ignoring blank msg"), 1U);
  EXPECT_TRUE(connection->is_open());
}

TEST_F(V1Connection, TheEndInsideAMessageIsUnexpected) {
  introduce();
  remote.sends(hex("050a00"));
  remote.ends("EOF");
  scheduler.settle();
  EXPECT_EQ(cause, "unexpected EOF");
}

std::string error_of(std::string_view stream) {
  auto const octets = hex(stream);
  auto const cut = cut_v1_message(octets, 100);
  if (!cut) return cut.error().text();
  return *cut ? "message" : "more";
}

TEST(V1Stream, HostileMessages) {
  EXPECT_EQ(error_of(""), "more");
  EXPECT_EQ(error_of("ff"), "more");
  EXPECT_EQ(error_of("050a000201"), "more");
  EXPECT_EQ(error_of("050a00020102"), "message");
  EXPECT_EQ(error_of("050a00030102"), "unexpected EOF");
  EXPECT_EQ(error_of("050a01020102"), "gob: corrupted data: non-zero delta for singleton");
  EXPECT_EQ(error_of("050c00020102"), "gob: type mismatch: expected bytes, received 6");
  EXPECT_EQ(error_of("0eff81040102ff8200010c010c0000"), "gob: type mismatch: expected bytes, received -65");
  EXPECT_EQ(error_of("00"), "unexpected EOF");
  EXPECT_EQ(error_of("a0"), "gob: encoded unsigned integer out of range");
  EXPECT_EQ(error_of("f8ffffffffffffffff"), "incoming message exceeds maximum size: 18446744073709551615 > 116");
  // What follows a value inside its message is ignored, as Go does.
  EXPECT_EQ(error_of("060a00020102ff"), "message");
}

TEST(V1Stream, LargestMessages) {
  ClearSealer clear;
  auto const frame = encode_frame(Bytes(kMaxFrameSize, 7), clear, Framing::gob);
  ASSERT_TRUE(frame);
  FrameDecoder decoder;
  decoder.set_framing(Framing::gob);
  decoder.append(*frame);
  auto const message = decoder.next();
  ASSERT_TRUE(message && *message);
  EXPECT_EQ((*message)->size(), kMaxFrameSize);
  EXPECT_EQ(decoder.buffered(), 0U);
  EXPECT_FALSE(encode_frame(Bytes(kMaxFrameSize + 1), clear, Framing::gob));
}

} // namespace
} // namespace weave::gossip
