#include "datapath/tunnel/sleeve_cipher.hpp"

#include <utility>

#include <sodium/crypto_secretbox.h>

#include "datapath/tunnel/sleeve_layout.hpp"

namespace weave::datapath {
namespace {

constexpr std::uint64_t kDfBit = std::uint64_t{1} << 63;
constexpr std::uint8_t kDialled = 0x80;
constexpr std::size_t kTagAt = kSleeveNameSize + kSleeveSequenceSize;

std::size_t number(SleeveChannel channel) { return static_cast<std::size_t>(channel); }

} // namespace

SleeveCipher::SleeveCipher(std::shared_ptr<Secret const> key, bool we_dialled)
    : key_{std::move(key)}, we_dialled_{we_dialled} {
  static_assert(kNonceSize == crypto_secretbox_NONCEBYTES && kSleeveTagSize == crypto_secretbox_MACBYTES);
}

SleeveCipher::Nonce SleeveCipher::nonce_of(std::uint64_t sequence_field, bool sender_dialled) {
  Nonce nonce{};
  nonce[0] = sender_dialled ? kDialled : 0;
  store_u64(nonce, kNonceSize - sizeof sequence_field, sequence_field);
  return nonce;
}

void SleeveCipher::seal(MutableBytes packet, SleeveChannel channel) {
  auto const field = next_[number(channel)]++ | (channel == SleeveChannel::df ? kDfBit : 0);
  store_u64(packet, kSleeveNameSize, field);
  auto const nonce = nonce_of(field, we_dialled_);
  auto const frames = packet.subspan(kEncryptedPacketOverhead);
  crypto_secretbox_detached(frames.data(), packet.data() + kTagAt, frames.data(), frames.size(), nonce.data(),
                            key_->octets().data());
}

std::expected<SleeveCipher::Opened, SleeveRefusal> SleeveCipher::open(MutableBytes packet) {
  if (packet.size() < kEncryptedPacketOverhead) return std::unexpected{SleeveRefusal::too_short};
  auto const field = load_u64(packet, kSleeveNameSize);
  auto const nonce = nonce_of(field, !we_dialled_);
  auto const frames = packet.subspan(kEncryptedPacketOverhead);
  if (crypto_secretbox_open_detached(frames.data(), frames.data(), packet.data() + kTagAt, frames.size(), nonce.data(),
                                     key_->octets().data()) != 0) {
    return std::unexpected{SleeveRefusal::not_authentic};
  }
  auto const channel = (field & kDfBit) != 0 ? SleeveChannel::df : SleeveChannel::fragmentable;
  if (!seen_[number(channel)].accept(field & ~kDfBit)) return std::unexpected{SleeveRefusal::replayed};
  return Opened{.frames = frames, .channel = channel};
}

} // namespace weave::datapath
