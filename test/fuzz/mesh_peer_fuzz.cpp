// A whole mesh peer against a neighbour that introduces itself properly and then sends anything.
#include <memory>
#include <string>

#include "gossip/features.hpp"
#include "gossip/frame_codec.hpp"
#include "gossip/gossip_message.hpp"
#include "gossip/introduction.hpp"
#include "test/fakes/mesh_simulation.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

constexpr PeerName kStranger{0x7a0000000099};

enum Operation : std::uint8_t { kMessage, kGossip, kBroadcast, kUnicast, kWait, kConnect, kOperations };

class Stranger {
 public:
  explicit Stranger(test::MeshSimulation& mesh) : transport_{mesh.network.host("10.0.9.9")} {
    dial_ =
        transport_->dial(test::MeshSimulation::address(1), [this](Result<std::unique_ptr<gossip::ByteStream>> made) {
          stream_ = *std::move(made);
          stream_->start(
              {.on_bytes = [](ByteView) {}, .on_drained = {}, .on_closed = [this](Error const&) { open_ = false; }});
        });
    mesh.advance(std::chrono::milliseconds{10});
    write(gossip::encode_protocol_header({2, 2}));
    write({0});
    write(*gossip::encode_frame(gossip::encode_features(gossip::make_features({.name = kStranger,
                                                                               .nickname = "stranger",
                                                                               .uid = PeerUid{77},
                                                                               .connection_id = 1,
                                                                               .short_id = std::nullopt})),
                                clear_));
  }
  void message(std::uint8_t tag, ByteView body) { write(*gossip::encode_frame(tag, body, clear_)); }
  [[nodiscard]] bool open() const { return open_; }

 private:
  void write(Bytes bytes) {
    if (open_ && stream_) stream_->write(std::move(bytes));
  }

  bool open_ = true;
  gossip::ClearSealer clear_;
  std::unique_ptr<gossip::Transport> transport_;
  std::unique_ptr<gossip::Operation> dial_;
  std::unique_ptr<gossip::ByteStream> stream_;
};

/// Half of what is gossiped concerns a channel that we know.
[[nodiscard]] std::string channel_of(std::uint8_t selector) {
  switch (selector % 4) {
    case 0: return "topology";
    case 1: return "known";
    case 2: return "foreign";
    default: return std::string(selector, 'x');
  }
}

void play(FuzzInput::Record const& record, Stranger& stranger, test::MeshSimulation& mesh) {
  FuzzInput content{record.content.data(), record.content.size()};
  auto const selector = content.u8();
  auto const payload = content.rest();
  switch (record.operation % kOperations) {
    case kMessage: return stranger.message(selector, payload);
    case kGossip: return stranger.message(4, gossip::encode_gossip_body(channel_of(selector), kStranger, payload));
    case kBroadcast: return stranger.message(6, gossip::encode_gossip_body(channel_of(selector), kStranger, payload));
    case kUnicast:
      return stranger.message(5, gossip::encode_unicast_body(channel_of(selector), kStranger,
                                                             test::MeshSimulation::name(selector % 3U), payload));
    case kWait: return mesh.advance(std::chrono::milliseconds{selector * 20});
    default: return mesh.connect(1, 2);
  }
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave;
  using namespace weave::fuzz;
  FuzzInput input{data, size};
  test::MeshSimulation mesh{50};
  test::RecordingGossiper known;
  (void)mesh.make(1).register_channel("known", known);
  (void)mesh.at(1).start();
  Stranger stranger{mesh};
  while (!input.empty() && stranger.open()) {
    play(input.record(), stranger, mesh);
    mesh.advance(std::chrono::milliseconds{10});
  }
  demand(mesh.at(1).knows(mesh.name(1)), "the peer knows itself");
  (void)mesh.at(1).status();
  mesh.remove(1);
  return 0;
}
