// One mesh connection of either version, from the first octet of its introduction on, against a remote that sends
// anything.
#include <memory>

#include "gossip/connection.hpp"
#include "gossip/features.hpp"
#include "gossip/frame_codec.hpp"
#include "gossip/password_keys.hpp"
#include "test/fakes/scripted_stream.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

enum Operation : std::uint8_t { kBytes, kFrame, kDrain, kWait, kSend, kEnd, kOperations };

/// The mesh's part of the handshake, without a mesh.
class Session {
 public:
  Session(bool outbound, bool with_password) {
    gossip::Connection::Handlers handlers;
    handlers.on_introduced = [this](gossip::Features const& remote) { introduced(remote); };
    handlers.on_message = [this](std::uint8_t tag, ByteView body) { return received(tag, body); };
    handlers.on_closed = [this](Error const&) { demand(++closed_ == 1, "on_closed comes once"); };
    gossip::Connection::Settings settings;
    settings.outbound = outbound;
    settings.versions = {1, 2};
    if (with_password) {
      settings.keys = std::make_unique<gossip::PasswordKeyExchange>(
          std::make_shared<Secret const>(Secret::of("secret")), Secret{Bytes(32, 7)});
    }
    settings.features =
        gossip::make_features({.name = PeerName{1}, .nickname = "us", .uid = PeerUid{2}, .short_id = std::nullopt});
    settings.features.emplace(gossip::kReasonFeature, "1");
    connection_ = std::make_unique<gossip::Connection>(remote_.stream(), scheduler_, Logger{}, std::move(settings),
                                                       std::move(handlers));
    connection_->start();
  }

  void play(FuzzInput::Record const& record) {
    switch (record.operation % kOperations) {
      case kBytes: return remote_.sends(record.content);
      case kFrame: {
        gossip::ClearSealer clear;
        auto const framing = connection_->version() == 1 ? gossip::Framing::gob : gossip::Framing::length;
        return remote_.sends(*gossip::encode_frame(record.content, clear, framing));
      }
      case kDrain: return remote_.drains();
      case kWait: return scheduler_.advance(std::chrono::seconds{record.content.size()});
      case kSend: return void(connection_->send(4, record.content));
      default: return remote_.ends("EOF");
    }
  }
  void settle() { scheduler_.settle(); }

 private:
  void introduced(gossip::Features const& remote) {
    demand(closed_ == 0, "nothing follows on_closed");
    auto const identity = gossip::parse_features(remote);
    if (!identity) return connection_->close(identity.error());
    connection_->identify(identity->nickname);
    connection_->start_receiving();
  }
  [[nodiscard]] Result<void> received(std::uint8_t tag, ByteView body) {
    demand(closed_ == 0, "nothing follows on_closed");
    demand(tag >= 1 && tag <= 7, "only known tags are handed on");
    if (tag == 6 && body.empty()) return failure(ErrorKind::malformed, "empty");
    return {};
  }

  int closed_ = 0;
  test::VirtualScheduler scheduler_;
  test::ScriptedRemote remote_;
  std::unique_ptr<gossip::Connection> connection_;
};

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  weave::fuzz::FuzzInput input{data, size};
  auto const how = input.u8();
  weave::fuzz::Session session{(how & 1U) != 0, (how & 2U) != 0};
  while (!input.empty()) {
    session.play(input.record());
    session.settle();
  }
  return 0;
}
