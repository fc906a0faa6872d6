// The introduction under a password, in either version, against a remote that sends anything: one that knows the
// password up to some point and then lies, or one that does not know it at all. Whatever it does, nothing counts as
// introduced that was not sealed under the password.
#include <memory>
#include <utility>

#include "gossip/introduction.hpp"
#include "gossip/password_keys.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

using gossip::Introduction;

enum Operation : std::uint8_t { kBytes, kRelay, kRelayChanged, kEnd, kOperations };

Secret fixed_key(std::uint8_t octet) { return Secret{Bytes(32, octet)}; }

std::unique_ptr<gossip::KeyExchange> keys(std::string_view password, std::uint8_t private_octet) {
  return std::make_unique<gossip::PasswordKeyExchange>(std::make_shared<Secret const>(Secret::of(password)),
                                                       fixed_key(private_octet));
}

/// We, and a remote of our own kind whose octets may be passed on, changed or replaced.
class Handshake {
 public:
  Handshake(bool knows_password, gossip::VersionRange versions)
      : knows_password_{knows_password},
        remote_{versions, {{"Name", "remote"}}, keys(knows_password ? "right" : "wrong", 2), false} {
    to_remote_ = us_.start();
    to_us_ = remote_.start();
  }

  [[nodiscard]] bool play(FuzzInput::Record const& record) {
    switch (record.operation % kOperations) {
      case kBytes: return take(record.content);
      case kRelay: return relay();
      case kRelayChanged:
        for (std::size_t at = 0; at < record.content.size() && at < to_us_.size(); ++at)
          to_us_[at] ^= record.content[at];
        return relay();
      default: (void)us_.explain({ErrorKind::unavailable, "EOF"}); return false;
    }
  }

 private:
  [[nodiscard]] bool relay() {
    if (!remote_has_failed_) {
      auto const answer = remote_.on_bytes(std::exchange(to_remote_, {}));
      remote_has_failed_ = !answer;
      auto const bytes = answer ? *answer : remote_.take_unsent();
      to_us_.insert(to_us_.end(), bytes.begin(), bytes.end());
    }
    return take(std::exchange(to_us_, {}));
  }
  [[nodiscard]] bool take(ByteView bytes) {
    auto const answer = us_.on_bytes(bytes);
    if (!answer) {
      demand(us_.phase() != Introduction::Phase::done, "an error leaves nobody introduced");
      return false;
    }
    to_remote_.insert(to_remote_.end(), answer->begin(), answer->end());
    if (us_.phase() != Introduction::Phase::done) return true;
    demand(us_.version() == 1 || knows_password_, "who does not know the password is not introduced");
    demand(us_.take_session_key().octets().size() == 32, "there is a key for the tunnels");
    demand(us_.take_sealer()->overhead() > 0, "messages are sealed");
    return false;
  }

  bool knows_password_;
  bool remote_has_failed_ = false;
  Introduction us_{{1, 2}, {{"Name", "us"}}, keys("right", 1), true};
  Introduction remote_;
  Bytes to_remote_;
  Bytes to_us_;
};

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  weave::fuzz::FuzzInput input{data, size};
  auto const choice = input.u8();
  weave::fuzz::Handshake handshake{(choice & 1) != 0, {1, static_cast<std::uint8_t>((choice & 2) != 0 ? 1 : 2)}};
  while (!input.empty() && handshake.play(input.record())) {
  }
  return 0;
}
