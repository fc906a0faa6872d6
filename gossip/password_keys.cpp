#include "gossip/password_keys.hpp"

#include <utility>

#include <sodium/core.h>
#include <sodium/crypto_box.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_scalarmult.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>

#include "gossip/secretbox_sealer.hpp"

namespace weave::gossip {
namespace {

Secret hash_of(ByteView precomputed, ByteView password) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, precomputed.data(), precomputed.size());
  crypto_hash_sha256_update(&state, password.data(), password.size());
  Bytes digest(crypto_hash_sha256_BYTES);
  crypto_hash_sha256_final(&state, digest.data());
  sodium_memzero(&state, sizeof state);
  return Secret{std::move(digest)};
}

} // namespace

std::unique_ptr<PasswordKeyExchange> PasswordKeyExchange::create(std::shared_ptr<Secret const> password) {
  Bytes octets(crypto_box_SECRETKEYBYTES);
  randombytes_buf(octets.data(), octets.size());
  return std::make_unique<PasswordKeyExchange>(std::move(password), Secret{std::move(octets)});
}

PasswordKeyExchange::PasswordKeyExchange(std::shared_ptr<Secret const> password, Secret private_key)
    : password_{std::move(password)}, private_key_{std::move(private_key)} {
  static_assert(kPublicKeySize == crypto_box_PUBLICKEYBYTES);
  crypto_scalarmult_base(public_key_.data(), private_key_.octets().data());
}

Result<Agreement> PasswordKeyExchange::agree(ByteView their_public_key, bool we_dialled) {
  Bytes octets(crypto_box_BEFORENMBYTES);
  // Refused for points of small order, with which anybody could know the result without a private key.
  if (their_public_key.size() != kPublicKeySize ||
      crypto_box_beforenm(octets.data(), their_public_key.data(), private_key_.octets().data()) != 0) {
    return failure(ErrorKind::malformed, "peer sent an unusable public key");
  }
  Secret const precomputed{std::move(octets)};
  auto session_key = hash_of(precomputed.octets(), password_->octets());
  return Agreement{.sealer = std::make_unique<SecretboxSealer>(session_key.clone(), we_dialled),
                   .session_key = std::move(session_key)};
}

Result<std::function<std::unique_ptr<KeyExchange>()>> keys_of_password(Secret password) {
  if (sodium_init() < 0) return failure(ErrorKind::system, "libsodium cannot be initialised");
  return [shared = std::make_shared<Secret const>(std::move(password))]() -> std::unique_ptr<KeyExchange> {
    return PasswordKeyExchange::create(shared);
  };
}

} // namespace weave::gossip
