#include "datapath/tunnel/secretbox_cipher.hpp"

#include <utility>

#include <sodium/crypto_secretbox.h>

namespace weave::datapath {
namespace {

constexpr std::uint8_t kDialled = 0x80;

} // namespace

SecretboxCipher::SecretboxCipher(std::shared_ptr<Secret const> key, bool we_dialled)
    : key_{std::move(key)}, we_dialled_{we_dialled} {
  static_assert(kNonceSize == crypto_secretbox_NONCEBYTES && kSleeveTagSize == crypto_secretbox_MACBYTES);
}

SecretboxCipher::Nonce SecretboxCipher::nonce_of(std::uint64_t sequence_field, bool sender_dialled) {
  Nonce nonce{};
  nonce[0] = sender_dialled ? kDialled : 0;
  store_u64(nonce, kNonceSize - sizeof sequence_field, sequence_field);
  return nonce;
}

bool SecretboxCipher::seal_box(std::uint64_t field, MutableBytes frames, Tag tag) {
  auto const nonce = nonce_of(field, we_dialled_);
  return crypto_secretbox_detached(frames.data(), tag.data(), frames.data(), frames.size(), nonce.data(),
                                   key_->octets().data()) == 0;
}

bool SecretboxCipher::open_box(std::uint64_t field, MutableBytes frames, Tag tag) {
  auto const nonce = nonce_of(field, !we_dialled_);
  return crypto_secretbox_open_detached(frames.data(), frames.data(), tag.data(), frames.size(), nonce.data(),
                                        key_->octets().data()) == 0;
}

} // namespace weave::datapath
