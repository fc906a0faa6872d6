#include "datapath/ipsec/key_offer.hpp"

#include <algorithm>
#include <string>

#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/utils.h>

#include "datapath/packet/byte_order.hpp"

namespace weave::datapath::ipsec {
namespace {

constexpr std::size_t kOfferSize = 64;
constexpr std::size_t kKeySize = 36;
constexpr std::size_t kInfoSize = 8;
constexpr std::size_t kHash = crypto_auth_hmacsha256_BYTES;

class Hmac {
 public:
  explicit Hmac(ByteView key) { crypto_auth_hmacsha256_init(&state_, key.data(), key.size()); }
  Hmac(Hmac const&) = delete;
  Hmac& operator=(Hmac const&) = delete;
  ~Hmac() { sodium_memzero(&state_, sizeof state_); }

  Hmac& add(ByteView octets) {
    crypto_auth_hmacsha256_update(&state_, octets.data(), octets.size());
    return *this;
  }
  [[nodiscard]] Secret finish() {
    Bytes digest(kHash);
    crypto_auth_hmacsha256_final(&state_, digest.data());
    return Secret{std::move(digest)};
  }

 private:
  crypto_auth_hmacsha256_state state_{};
};

} // namespace

Bytes encode_offer(KeyOffer const& offer) {
  Bytes payload(kOfferSize);
  std::ranges::copy(offer.nonce, payload.begin());
  store_u32(payload, kNonceSize, static_cast<std::uint32_t>(offer.spi));
  return payload;
}

Result<KeyOffer> decode_offer(ByteView payload) {
  if (payload.empty()) return failure(ErrorKind::malformed, "empty msg");
  if (payload.size() != kOfferSize) {
    return failure(ErrorKind::malformed, "invalid payload size: " + std::to_string(payload.size()));
  }
  KeyOffer offer;
  std::ranges::copy(payload.first(kNonceSize), offer.nonce.begin());
  offer.spi = Spi{load_u32(payload, kNonceSize)};
  if (offer.spi < kFirstSpi) return failure(ErrorKind::out_of_range, "the peer offers a reserved SPI");
  return offer;
}

// HKDF-SHA256 (RFC 5869), which libsodium has from 1.0.19 on only.
Secret derive_key(Secret const& session_key, Nonce const& nonce, PeerName receiver) {
  auto const key = Hmac{nonce}.add(session_key.octets()).finish();
  std::array<std::uint8_t, kInfoSize> info{};
  store_u64(info, 0, receiver.value());
  std::array<std::uint8_t, 1> counter{1};
  auto const first = Hmac{key.octets()}.add(info).add(counter).finish();
  counter[0] = 2;
  auto const second = Hmac{key.octets()}.add(first.octets()).add(info).add(counter).finish();
  Bytes derived(kKeySize);
  std::ranges::copy(first.octets(), derived.begin());
  std::ranges::copy(second.octets().first(kKeySize - kHash), derived.begin() + kHash);
  return Secret{std::move(derived)};
}

} // namespace weave::datapath::ipsec
