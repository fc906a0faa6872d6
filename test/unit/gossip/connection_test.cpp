#include "gossip/connection.hpp"

#include <gtest/gtest.h>

#include "test/fakes/log_recorder.hpp"
#include "test/fakes/scripted_stream.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::gossip {
namespace {

using namespace std::chrono_literals;
using test::ScriptedRemote;

Bytes hex(std::string_view text) { return parse_hex(text).value(); }

Features features_of(std::string const& name) { return {{"Name", name}}; }

/// Header, flag and features as a remote sends them.
Bytes remote_introduction(Features const& remote = features_of("them")) {
  ClearSealer clear;
  auto const features = encode_frame(encode_features(remote), clear).value();
  return ByteWriter{}.raw(hex("7765617665010200")).raw(features).take();
}

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() { make({}); }

  void make(Connection::Handlers extra) {
    Connection::Handlers handlers = std::move(extra);
    if (!handlers.on_introduced) {
      handlers.on_introduced = [this](Features const& features) { introduced.push_back(features); };
    }
    if (!handlers.on_message) {
      handlers.on_message = [this](std::uint8_t tag, ByteView body) -> Result<void> {
        messages.push_back(std::to_string(tag) + ":" + to_hex(body));
        return {};
      };
    }
    handlers.on_ready = [this] { ++ready; };
    if (!handlers.on_closed) {
      handlers.on_closed = [this](Error const& cause) { causes.push_back(cause.text()); };
    }
    remote = std::make_unique<ScriptedRemote>();
    connection = std::make_unique<Connection>(remote->stream(), scheduler, Logger{log},
                                              Connection::Settings{.features = features_of("us")}, std::move(handlers));
  }

  void introduce() {
    connection->start();
    remote->sends(remote_introduction());
    remote->drains();
    (void)remote->take_written();
  }

  void establish() {
    introduce();
    connection->identify("7a:00:00:00:00:02(two)");
    connection->start_receiving();
    scheduler.settle();
  }

  test::VirtualScheduler scheduler;
  std::shared_ptr<test::LogRecorder> log = std::make_shared<test::LogRecorder>();
  std::unique_ptr<ScriptedRemote> remote;
  std::unique_ptr<Connection> connection;
  std::vector<Features> introduced;
  std::vector<std::string> messages;
  std::vector<std::string> causes;
  int ready = 0;
};

TEST_F(ConnectionTest, IntroducesItself) {
  connection->start();
  EXPECT_EQ(to_hex(remote->take_written()), "77656176650202");
  remote->sends(remote_introduction());
  EXPECT_EQ(introduced, std::vector{features_of("them")});
  EXPECT_EQ(connection->version(), 2);
  ClearSealer clear;
  auto const features = encode_frame(encode_features(features_of("us")), clear).value();
  EXPECT_EQ(to_hex(remote->take_written()), "00" + to_hex(features));
}

TEST_F(ConnectionTest, MessagesWaitUntilTheMeshIsPrepared) {
  connection->start();
  auto bytes = remote_introduction();
  auto const early =
      hex("0000000307000100000002"
          "04aa");
  bytes.insert(bytes.end(), early.begin(), early.end());
  remote->sends(bytes);
  remote->sends(hex("0000000205bb"));
  scheduler.advance(1s);
  EXPECT_TRUE(messages.empty());
  connection->start_receiving();
  EXPECT_TRUE(messages.empty());
  scheduler.settle();
  EXPECT_EQ(messages, (std::vector<std::string>{"7:0001", "4:aa", "5:bb"}));
}

TEST_F(ConnectionTest, WaitingMessagesAreBounded) {
  introduce();
  Bytes const chunk(64 * 1024, 0);
  for (int i = 0; i < 1000 && remote->is_open(); ++i) remote->sends(chunk);
  scheduler.settle();
  EXPECT_EQ(causes, std::vector<std::string>{"too many messages before any was expected"});
}

TEST_F(ConnectionTest, SendsFramesAndTellsWhenTheLinkIsReady) {
  establish();
  EXPECT_TRUE(connection->is_ready());
  ASSERT_TRUE(connection->send(4, hex("aabb")));
  EXPECT_FALSE(connection->is_ready());
  EXPECT_EQ(to_hex(remote->take_written()), "0000000304aabb");
  int const before = ready;
  remote->drains();
  EXPECT_EQ(ready, before + 1);
  EXPECT_TRUE(connection->is_ready());
}

TEST_F(ConnectionTest, HeartbeatsOnAFixedTick) {
  establish();
  scheduler.advance(29999ms);
  ASSERT_TRUE(connection->send(4, {}));
  EXPECT_EQ(to_hex(remote->take_written()), "0000000104");
  scheduler.advance(1ms);
  EXPECT_EQ(to_hex(remote->take_written()), "0000000100");
  remote->sends(hex("0000000100"));
  scheduler.advance(30s);
  EXPECT_EQ(to_hex(remote->take_written()), "0000000100");
}

TEST_F(ConnectionTest, SilentStrangerIsCutAtTenSeconds) {
  connection->start();
  scheduler.advance(9999ms);
  EXPECT_TRUE(remote->is_open());
  scheduler.advance(1ms);
  EXPECT_FALSE(remote->is_open());
  EXPECT_EQ(causes, std::vector<std::string>{"failed to receive remote protocol header: read tcp "
                                             "192.0.2.1:6783->192.0.2.2:45678: i/o timeout"});
  EXPECT_EQ(log->lines(),
            std::vector<std::string>{"->[192.0.2.2:45678] connection shutting down due to error during handshake: " +
                                     causes.front()});
}

TEST_F(ConnectionTest, DrippingHeaderIsCutAtTenSecondsToo) {
  connection->start();
  for (auto const octet : hex("7765617665")) {
    remote->sends({&octet, 1});
    scheduler.advance(1s);
  }
  scheduler.advance(5s);
  EXPECT_FALSE(remote->is_open());
  EXPECT_EQ(causes.at(0),
            "received incomplete remote protocol header (5 octets instead of 7): [119 101 97 118 101]; error: read tcp "
            "192.0.2.1:6783->192.0.2.2:45678: i/o timeout");
}

TEST_F(ConnectionTest, HeaderAloneIsCutSixtySecondsLaterWhateverDripsIn) {
  connection->start();
  scheduler.advance(5s);
  remote->sends(hex("77656176650102"));
  scheduler.advance(30s);
  remote->sends(hex("00"));
  scheduler.advance(29999ms);
  EXPECT_TRUE(remote->is_open());
  remote->sends(hex("00"));
  scheduler.advance(1ms);
  EXPECT_FALSE(remote->is_open());
  EXPECT_EQ(causes, std::vector<std::string>{"read tcp 192.0.2.1:6783->192.0.2.2:45678: i/o timeout"});
}

TEST_F(ConnectionTest, MutePeerIsCutAtSixtySecondsAndHeartbeatsKeepItAlive) {
  establish();
  for (int i = 0; i < 5; ++i) {
    scheduler.advance(59s);
    remote->sends(hex("0000000100"));
  }
  scheduler.advance(59999ms);
  EXPECT_TRUE(remote->is_open());
  // Part of a message is not a message.
  remote->sends(hex("00000002"));
  scheduler.advance(1ms);
  EXPECT_FALSE(remote->is_open());
  EXPECT_EQ(causes, std::vector<std::string>{"read tcp 192.0.2.1:6783->192.0.2.2:45678: i/o timeout"});
  EXPECT_EQ(log->lines().back(),
            "->[192.0.2.2:45678|7a:00:00:00:00:02(two)]: connection shutting down due to error: " + causes.front());
}

TEST_F(ConnectionTest, BlankAndUnknownMessagesAreLoggedAndIgnored) {
  establish();
  remote->sends(
      hex("00000000"
          "0000000108"
          "00000002ff01"
          "0000000103"));
  EXPECT_EQ(messages, std::vector<std::string>{"3:"});
  EXPECT_EQ(log->lines(), (std::vector<std::string>{
                              "->[192.0.2.2:45678|7a:00:00:00:00:02(two)]: ignoring blank msg",
                              "->[192.0.2.2:45678|7a:00:00:00:00:02(two)]: ignoring unknown protocol tag: 8",
                              "->[192.0.2.2:45678|7a:00:00:00:00:02(two)]: ignoring unknown protocol tag: 255"}));
  for (int i = 0; i < 1000; ++i) remote->sends(hex("00000000"));
  EXPECT_LE(log->lines().size(), 10U);
  EXPECT_TRUE(remote->is_open());
}

TEST_F(ConnectionTest, TooLongMessageClosesWithOneLogLine) {
  establish();
  remote->sends(hex("ffffffff"));
  remote->sends(Bytes(1000));
  scheduler.settle();
  EXPECT_EQ(causes, std::vector<std::string>{"incoming message exceeds maximum size: 4294967295 > 10485760"});
  EXPECT_EQ(log->lines().size(), 1U);
}

TEST_F(ConnectionTest, GarbageClosesWithOneLogLine) {
  connection->start();
  remote->sends(as_bytes("GET / HTTP/1.1\r\n\r\n"));
  scheduler.settle();
  EXPECT_EQ(causes, std::vector<std::string>{"remote protocol header not recognised: [71 69 84 32 47]"});
  EXPECT_EQ(log->lines().size(), 1U);
}

TEST_F(ConnectionTest, RemoteEndMidFrameIsUnexpected) {
  establish();
  remote->sends(hex("00000005aa"));
  remote->ends("EOF");
  scheduler.settle();
  EXPECT_EQ(causes, std::vector<std::string>{"unexpected EOF"});
}

TEST_F(ConnectionTest, FirstCauseCountsAndIsToldOnceAndLater) {
  establish();
  connection->close({ErrorKind::refused, "first"});
  connection->close({ErrorKind::refused, "second"});
  EXPECT_FALSE(connection->is_open());
  EXPECT_FALSE(connection->send(4, {}));
  EXPECT_TRUE(causes.empty());
  scheduler.advance(200s);
  EXPECT_EQ(causes, std::vector<std::string>{"first"});
  EXPECT_EQ(log->count("shutting down"), 1U);
}

Features features_with_reasons() { return {{"Name", "them"}, {std::string{kReasonFeature}, "1"}}; }

Bytes reason_frame(std::string_view text) {
  ClearSealer clear;
  return encode_frame(kReasonTag, as_bytes(text), clear).value();
}

TEST_F(ConnectionTest, WhatWasSentAndTheReasonReachTheRemote) {
  connection->start();
  remote->sends(remote_introduction(features_with_reasons()));
  (void)remote->take_written();
  ASSERT_TRUE(connection->send(4, hex("aabb")));
  connection->close({ErrorKind::refused, "the ranges differ"});
  EXPECT_TRUE(remote->is_finished());
  EXPECT_EQ(to_hex(remote->take_written()), "0000000304aabb" + to_hex(reason_frame("the ranges differ")));
}

TEST_F(ConnectionTest, ReasonsAreOnlySentToPeersThatKnowThem) {
  establish();
  connection->close({ErrorKind::refused, "the ranges differ"});
  EXPECT_TRUE(remote->is_finished());
  EXPECT_TRUE(remote->take_written().empty());
}

TEST_F(ConnectionTest, LeavingIsToldToTheRemoteAlone) {
  connection->start();
  remote->sends(remote_introduction(features_with_reasons()));
  (void)remote->take_written();
  connection->leave();
  EXPECT_TRUE(remote->is_finished());
  EXPECT_EQ(to_hex(remote->take_written()), to_hex(reason_frame("weave is being stopped there")));
  scheduler.advance(200s);
  EXPECT_TRUE(causes.empty());
  EXPECT_TRUE(log->lines().empty());
}

TEST_F(ConnectionTest, ALongReasonIsCut) {
  connection->start();
  remote->sends(remote_introduction(features_with_reasons()));
  (void)remote->take_written();
  connection->close({ErrorKind::refused, std::string(5000, 'x')});
  EXPECT_EQ(to_hex(remote->take_written()), to_hex(reason_frame(std::string(kMaxReason, 'x'))));
}

TEST_F(ConnectionTest, TheRemotesReasonIsTheCause) {
  connection->start();
  remote->sends(remote_introduction(features_with_reasons()));
  connection->start_receiving();
  scheduler.settle();
  (void)remote->take_written();
  auto frames = hex("0000000104");
  auto const reason = reason_frame("no\n\x1b[31m" + std::string(1000, 'y'));
  frames.insert(frames.end(), reason.begin(), reason.end());
  remote->sends(frames);
  scheduler.settle();
  EXPECT_EQ(messages, std::vector<std::string>{"4:"});
  EXPECT_EQ(causes, std::vector<std::string>{"peer ended the connection: no??[31m" + std::string(kMaxReason - 8, 'y')});
  EXPECT_FALSE(remote->is_finished());
  EXPECT_TRUE(remote->take_written().empty()) << "nobody is there to be told";
}

TEST_F(ConnectionTest, AReasonRightBehindTheIntroductionIsHeardThoughTheEndIsThereFirst) {
  make({.on_introduced = [this](Features const&) { connection->start_receiving(); }});
  connection->start();
  auto bytes = remote_introduction(features_with_reasons());
  auto const reason = reason_frame("limit reached");
  bytes.insert(bytes.end(), reason.begin(), reason.end());
  remote->sends(bytes);
  remote->ends("EOF");
  scheduler.settle();
  EXPECT_EQ(causes, std::vector<std::string>{"peer ended the connection: limit reached"});
}

TEST_F(ConnectionTest, ARefusedIntroductionStillSaysWhatTheRemoteNeedsToRefuseItToo) {
  connection->start();
  // The header and a flag that is refused, in one piece.
  remote->sends(hex("7765617665010201"));
  EXPECT_TRUE(remote->is_finished());
  EXPECT_EQ(to_hex(remote->take_written()), "7765617665020200");
  scheduler.settle();
  EXPECT_EQ(causes, std::vector<std::string>{"no password specificed, but peer requested an encrypted connection "
                                             "(this host has no password)"});
}

TEST_F(ConnectionTest, HandlerErrorCloses) {
  make({.on_message = [](std::uint8_t, ByteView) -> Result<void> {
    return failure(ErrorKind::malformed, "bad gossip");
  }});
  establish();
  remote->sends(
      hex("0000000104"
          "0000000104"));
  scheduler.settle();
  EXPECT_EQ(causes, std::vector<std::string>{"bad gossip"});
}

TEST_F(ConnectionTest, MayBeDestroyedInAnyHandler) {
  make({.on_introduced = [this](Features const&) { connection.reset(); }});
  connection->start();
  remote->sends(remote_introduction());
  EXPECT_FALSE(remote->is_open());

  make({.on_message = [this](std::uint8_t, ByteView) -> Result<void> {
    connection.reset();
    return failure(ErrorKind::malformed, "gone");
  }});
  establish();
  remote->sends(
      hex("0000000104"
          "0000000104"));
  EXPECT_FALSE(remote->is_open());

  make({.on_closed = [this](Error const&) { connection.reset(); }});
  establish();
  remote->ends("EOF");
  scheduler.advance(100s);
  EXPECT_EQ(connection, nullptr);
}

TEST_F(ConnectionTest, RemoteThatDoesNotReadIsCutBeforeMemoryFills) {
  establish();
  Bytes const body(4 * 1024 * 1024);
  int sent = 0;
  while (sent < 100 && connection->send(5, body)) ++sent;
  EXPECT_EQ(sent, 4);
  scheduler.settle();
  ASSERT_EQ(causes.size(), 1U);
  EXPECT_EQ(causes.front(), "remote does not read: more than 20971520 bytes wait to be sent");
}

TEST_F(ConnectionTest, TooLargeOutgoingMessageIsTheSendersErrorOnly) {
  establish();
  auto const sent = connection->send(4, Bytes(kMaxFrameSize));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().text(), "outgoing message exceeds maximum size: 10485761 > 10485760");
  EXPECT_TRUE(connection->is_open());
}

} // namespace
} // namespace weave::gossip
