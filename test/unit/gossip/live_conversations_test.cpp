// Conversations of original routers and daemons, replayed to our end of the connection.
#include <gtest/gtest.h>

#include "gossip/connection.hpp"
#include "gossip/gossip_message.hpp"
#include "gossip/password_keys.hpp"
#include "gossip/topology_codec.hpp"
#include "test/fakes/scripted_stream.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::gossip {
namespace {

namespace json = boost::json;
using test::VectorFile;

struct Heard {
  std::uint8_t tag;
  Bytes body;
};

/// Everything one end of a recorded connection sent, in order.
std::vector<json::object> frames_from(json::object const& connection, std::string_view direction) {
  std::vector<json::object> frames;
  for (auto const& frame : connection.at("frames").as_array()) {
    if (frame.at("dir").as_string() == direction) frames.push_back(frame.as_object());
  }
  return frames;
}

/// Takes in the recorded bytes `step` at a time.
class Listener {
 public:
  explicit Listener(Connection::Settings settings)
      : connection_{remote_.stream(),
                    scheduler_,
                    {},
                    std::move(settings),
                    {.on_introduced =
                         [this](Features const& remote) {
                           features = remote;
                           connection_.start_receiving();
                         },
                     .on_message = [this](std::uint8_t tag, ByteView body) -> Result<void> {
                       heard.push_back({tag, {body.begin(), body.end()}});
                       return {};
                     },
                     .on_closed = [this](Error const& cause) { error = cause.text(); }}} {
    connection_.start();
  }

  void listen(Bytes const& bytes, std::size_t step) {
    for (ByteView rest{bytes}; !rest.empty(); rest = rest.subspan(std::min(step, rest.size()))) {
      remote_.sends(rest.first(std::min(step, rest.size())));
    }
    scheduler_.settle();
  }

  Features features;
  std::vector<Heard> heard;
  std::string error;

 private:
  test::VirtualScheduler scheduler_;
  test::ScriptedRemote remote_;
  Connection connection_;
};

std::string text_of(json::value const& value) { return std::string{value.as_string()}; }

void check_peers(json::array const& expected, ByteView payload) {
  auto const peers = decode_topology(payload);
  ASSERT_TRUE(peers) << peers.error().text();
  ASSERT_EQ(peers->size(), expected.size());
  for (std::size_t i = 0; i < peers->size(); ++i) {
    auto const& peer = (*peers)[i];
    EXPECT_EQ(peer.name.to_string(), text_of(expected[i].at("name")));
    EXPECT_EQ(peer.nickname, text_of(expected[i].at("nick")));
    EXPECT_EQ(std::to_string(static_cast<std::uint64_t>(peer.uid)), text_of(expected[i].at("uid")));
    EXPECT_EQ(peer.version, expected[i].at("version").to_number<std::uint64_t>());
    EXPECT_EQ(peer.connections.size(), expected[i].at("connections").as_array().size());
  }
}

void check_gossip(json::object const& decoded, Heard const& heard) {
  auto const message = decode_gossip_message(heard.tag, heard.body);
  ASSERT_TRUE(message) << message.error().text();
  EXPECT_EQ(message->channel, text_of(decoded.at("channel")));
  EXPECT_EQ(message->source.to_string(), text_of(decoded.at("src")));
  auto const* const destination = decoded.if_contains("dst");
  EXPECT_EQ(message->destination.to_string(), destination ? text_of(*destination) : kUnknownPeer.to_string());
  ASSERT_TRUE(message->payload) << message->payload.error().text();
  if (auto const* length = decoded.if_contains("payload_len")) {
    EXPECT_EQ(message->payload->size(), length->to_number<std::size_t>());
  }
  if (auto const* peers = decoded.if_contains("peers")) check_peers(peers->as_array(), *message->payload);
}

void check_message(json::object const& decoded, Heard const& heard) {
  EXPECT_EQ(heard.tag, decoded.at("tag").to_number<std::uint8_t>());
  if (!decoded.contains("forwarder")) return check_gossip(decoded, heard);
  ByteWriter expected;
  expected.u8(decoded.at("forwarder").to_number<std::uint8_t>()).u8(decoded.at("subtag").to_number<std::uint8_t>());
  expected.raw(parse_hex(text_of(decoded.at("body"))).value());
  EXPECT_EQ(to_hex(heard.body), to_hex(expected.bytes()));
}

/// The end that hears this direction. Sealed conversations were made with the password and the private keys of the
/// vectors' descriptions.
Connection::Settings listener_of(std::string_view direction, bool sealed) {
  bool const is_client = direction == "server->client";
  Connection::Settings settings{.outbound = is_client};
  if (!sealed) return settings;
  auto const& pair = VectorFile::load("mesh").named(is_client ? "keypair_a" : "keypair_b");
  settings.keys = std::make_unique<PasswordKeyExchange>(std::make_shared<Secret const>(Secret::of("secret")),
                                                        Secret{test::hex_member(pair, "private")});
  return settings;
}

void check_direction(json::object const& connection, std::string_view direction, bool sealed, std::size_t step) {
  auto const frames = frames_from(connection, direction);
  Bytes bytes;
  for (auto const& frame : frames) {
    auto const part = test::hex_member(frame, "hex");
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  Listener listener{listener_of(direction, sealed)};
  listener.listen(bytes, step);
  EXPECT_EQ(listener.error, "");

  std::size_t next = 0;
  for (auto const& frame : frames) {
    if (!frame.contains("decoded")) continue;
    auto const& decoded = frame.at("decoded").as_object();
    auto const type = text_of(decoded.at("type"));
    if (type == "heartbeat") continue;
    if (type == "features") {
      for (auto const& [key, value] : decoded.at("features").as_object()) {
        EXPECT_EQ(listener.features[std::string{key}], value.as_string());
      }
      EXPECT_TRUE(parse_features(listener.features));
      continue;
    }
    ASSERT_LT(next, listener.heard.size());
    SCOPED_TRACE(text_of(frame.at("hex")));
    check_message(decoded, listener.heard[next++]);
  }
  EXPECT_EQ(next, listener.heard.size());
}

class LiveConversation : public testing::TestWithParam<char const*> {};

TEST_P(LiveConversation, EveryFrameIsUnderstoodInPiecesOfAnySize) {
  auto& mesh = VectorFile::load("mesh");
  auto const& vector = mesh.named(GetParam());
  bool const sealed = !std::string_view{GetParam()}.ends_with("_clear");
  for (auto const& connection : vector.at("connections").as_array()) {
    for (auto const* direction : {"client->server", "server->client"}) {
      for (std::size_t const step : {1UL, 13UL, 1500UL, 1000000UL}) {
        check_direction(connection.as_object(), direction, sealed, step);
      }
    }
  }
  mesh.covered(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Mesh, LiveConversation,
                         testing::Values("live_two_routers_clear", "live_three_routers_clear",
                                         "live_weave_daemons_clear", "live_two_routers_encrypted",
                                         "live_weave_daemons_encrypted", "live_weave_daemons_trusted"));

} // namespace
} // namespace weave::gossip
