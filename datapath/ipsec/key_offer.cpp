#include "datapath/ipsec/key_offer.hpp"

#include <algorithm>
#include <string>

#include "base/crypto/hkdf.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath::ipsec {
namespace {

constexpr std::size_t kOfferSize = 64;
constexpr std::size_t kKeySize = 36;
constexpr std::size_t kInfoSize = 8;

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

Result<Secret> derive_key(Secret const& session_key, Nonce const& nonce, PeerName receiver) {
  std::array<std::uint8_t, kInfoSize> info{};
  store_u64(info, 0, receiver.value());
  return hkdf_sha256(session_key.octets(), nonce, info, kKeySize);
}

} // namespace weave::datapath::ipsec
