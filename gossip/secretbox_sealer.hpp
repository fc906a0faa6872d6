#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "gossip/sealer.hpp"

namespace weave::gossip {

/// The nonce of one direction of one connection, counting its messages (protocol/mesh.md §4.2): bit 7 of the first
/// octet is set for the end that dialled, bit 6 always, so that it never meets a nonce of a tunnel under the same key;
/// the last eight octets hold the sequence number. The only place where nonces of TCP messages are made.
class MessageNonce {
 public:
  static constexpr std::size_t kSize = 24;
  using Value = std::array<std::uint8_t, kSize>;

  explicit MessageNonce(bool sender_dialled);
  /// Each value once. A sequence of 2^64 messages is not reached.
  [[nodiscard]] Value next();

 private:
  Value value_{};
  std::uint64_t sequence_ = 0;
};

/// NaCl secretbox (XSalsa20-Poly1305) under the session key: 16 octets of tag, then the ciphertext.
class SecretboxSealer final : public Sealer {
 public:
  /// `session_key` has 32 octets.
  SecretboxSealer(Secret session_key, bool we_dialled);

  [[nodiscard]] std::size_t overhead() const override;
  void seal(ByteView message, Bytes& out) override;
  [[nodiscard]] Result<ByteView> open(ByteView sealed) override;

 private:
  Secret key_;
  MessageNonce sending_;
  MessageNonce receiving_;
  Bytes opened_;
};

} // namespace weave::gossip
