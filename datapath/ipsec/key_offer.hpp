#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace weave::datapath::ipsec {

inline constexpr std::size_t kNonceSize = 32;
using Nonce = std::array<std::uint8_t, kNonceSize>;

/// By which the receiver of a packet finds its security association.
enum class Spi : std::uint32_t {};
/// Below it they are reserved (RFC 4303).
inline constexpr Spi kFirstSpi{0x100};

/// What a peer needs to send to us by ESP: the body of the control message fastdp/1 (protocol/datapath.md §3).
struct KeyOffer {
  Nonce nonce{};
  Spi spi{};

  friend bool operator==(KeyOffer const&, KeyOffer const&) = default;
};
[[nodiscard]] Bytes encode_offer(KeyOffer const& offer);
/// Errors: `empty msg`, `invalid payload size: <n>`, out_of_range for a reserved number.
[[nodiscard]] Result<KeyOffer> decode_offer(ByteView payload);

/// AES-256 key and GCM salt, 36 octets, of the packets that `receiver`, who has chosen the nonce, is sent on the
/// connection with this session key (§7.1). Error: hkdf_sha256 failed. Pure.
[[nodiscard]] Result<Secret> derive_key(Secret const& session_key, Nonce const& nonce, PeerName receiver);

} // namespace weave::datapath::ipsec
