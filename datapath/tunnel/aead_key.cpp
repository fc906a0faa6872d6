#include "datapath/tunnel/aead_key.hpp"

#include <algorithm>
#include <openssl/evp.h>
#include <utility>

#include <fmt/format.h>

#include "base/crypto/hkdf.hpp"

namespace weave::datapath {
namespace {

constexpr std::size_t kSecretSize = 32;

char const* library_name(SleeveSuite suite) {
  return suite == SleeveSuite::aes_256_gcm ? "AES-256-GCM" : "ChaCha20-Poly1305";
}

} // namespace

void AeadKey::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

Result<AeadKey> AeadKey::create(SleeveSuite suite) {
  auto const missing = [suite] {
    return failure(ErrorKind::unavailable, fmt::format("libcrypto cannot do {}", to_string(suite)));
  };
  if (suite == SleeveSuite::secretbox) return missing();
  struct FreeCipher {
    void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
  };
  std::unique_ptr<EVP_CIPHER, FreeCipher> const cipher{EVP_CIPHER_fetch(nullptr, library_name(suite), nullptr)};
  Context context{cipher ? EVP_CIPHER_CTX_new() : nullptr};
  if (!context || EVP_CIPHER_get_key_length(cipher.get()) != static_cast<int>(kKeySize)) return missing();
  if (EVP_CipherInit_ex2(context.get(), cipher.get(), nullptr, nullptr, 1, nullptr) != 1) return missing();
  return AeadKey{std::move(context)};
}

bool AeadKey::set(Use use, ByteView material) {
  if (material.size() != kMaterialSize) return false;
  std::ranges::copy(material.last<kNonceSize>(), mask_.begin());
  return EVP_CipherInit_ex2(context_.get(), nullptr, material.data(), nullptr, use == Use::seal ? 1 : 0, nullptr) == 1;
}

AeadKey::Nonce AeadKey::nonce_of(Nonce const& mask, std::uint64_t number) {
  Nonce nonce = mask;
  for (std::size_t at = kNonceSize; at-- > kNonceSize - sizeof number; number >>= 8) {
    nonce[at] = static_cast<std::uint8_t>(nonce[at] ^ (number & 0xff));
  }
  return nonce;
}

bool AeadKey::seal(std::uint64_t number, MutableBytes box, std::span<std::uint8_t, kAeadTagSize> tag) {
  auto const nonce = nonce_of(mask_, number);
  auto* const context = context_.get();
  int written = 0;
  int rest = 0;
  return EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1 &&
         EVP_EncryptUpdate(context, box.data(), &written, box.data(), static_cast<int>(box.size())) == 1 &&
         EVP_EncryptFinal_ex(context, box.data() + written, &rest) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kAeadTagSize, tag.data()) == 1;
}

bool AeadKey::open(std::uint64_t number, MutableBytes box, std::span<std::uint8_t, kAeadTagSize> tag) {
  auto const nonce = nonce_of(mask_, number);
  auto* const context = context_.get();
  int written = 0;
  int rest = 0;
  return EVP_DecryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kAeadTagSize, tag.data()) == 1 &&
         EVP_DecryptUpdate(context, box.data(), &written, box.data(), static_cast<int>(box.size())) == 1 &&
         EVP_DecryptFinal_ex(context, box.data() + written, &rest) == 1;
}

Result<AeadKeyChain> AeadKeyChain::create(ByteView session_key, std::string_view purpose) {
  auto secret = hkdf_sha256(session_key, {}, as_bytes(purpose), kSecretSize);
  if (!secret) return failure_of(secret);
  return AeadKeyChain{*std::move(secret)};
}

Secret AeadKeyChain::next() {
  if (secret_.empty()) return {};
  auto material = hkdf_sha256(secret_.octets(), {}, as_bytes("packets"), AeadKey::kMaterialSize);
  auto following = hkdf_sha256(secret_.octets(), {}, as_bytes("next"), kSecretSize);
  secret_ = following ? *std::move(following) : Secret{};
  return material ? *std::move(material) : Secret{};
}

} // namespace weave::datapath
