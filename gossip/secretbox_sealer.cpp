#include "gossip/secretbox_sealer.hpp"

#include <utility>

#include <sodium/crypto_secretbox.h>

namespace weave::gossip {
namespace {

constexpr std::uint8_t kDialled = 0x80;
constexpr std::uint8_t kTcpMessage = 0x40;

} // namespace

MessageNonce::MessageNonce(bool sender_dialled) {
  static_assert(kSize == crypto_secretbox_NONCEBYTES);
  value_[0] = static_cast<std::uint8_t>((sender_dialled ? kDialled : 0) | kTcpMessage);
}

MessageNonce::Value MessageNonce::next() {
  auto value = value_;
  auto rest = sequence_++;
  for (std::size_t i = kSize; i > kSize - sizeof rest; --i) {
    value[i - 1] = static_cast<std::uint8_t>(rest & 0xff);
    rest >>= 8;
  }
  return value;
}

SecretboxSealer::SecretboxSealer(Secret session_key, bool we_dialled)
    : key_{std::move(session_key)}, sending_{we_dialled}, receiving_{!we_dialled} {}

std::size_t SecretboxSealer::overhead() const { return crypto_secretbox_MACBYTES; }

void SecretboxSealer::seal(ByteView message, Bytes& out) {
  auto const at = out.size();
  out.resize(at + crypto_secretbox_MACBYTES + message.size());
  auto const nonce = sending_.next();
  crypto_secretbox_easy(out.data() + at, message.data(), message.size(), nonce.data(), key_.octets().data());
}

Result<ByteView> SecretboxSealer::open(ByteView sealed) {
  auto const refused = [] { return failure(ErrorKind::refused, "Unable to decrypt TCP msg"); };
  if (sealed.size() < crypto_secretbox_MACBYTES) return refused();
  opened_.resize(sealed.size() - crypto_secretbox_MACBYTES);
  auto const nonce = receiving_.next();
  if (crypto_secretbox_open_easy(opened_.data(), sealed.data(), sealed.size(), nonce.data(), key_.octets().data()) !=
      0) {
    return refused();
  }
  return ByteView{opened_};
}

} // namespace weave::gossip
