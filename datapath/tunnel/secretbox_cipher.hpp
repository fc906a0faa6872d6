#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/secret.hpp"
#include "datapath/tunnel/sleeve_cipher.hpp"

namespace weave::datapath {

/// Packets in the format of the original (protocol/datapath.md §4.2): NaCl secretbox under the connection's session key
/// itself. The only place where nonces of such packets are made.
class SecretboxCipher final : public SleeveCipher {
 public:
  static constexpr std::size_t kNonceSize = 24;
  using Nonce = std::array<std::uint8_t, kNonceSize>;

  /// `key` has 32 octets; `we_dialled` the TCP connection.
  SecretboxCipher(std::shared_ptr<Secret const> key, bool we_dialled);

  [[nodiscard]] SleeveSuite suite() const override { return SleeveSuite::secretbox; }

  /// Of a packet with this sequence field (channel bit included).
  [[nodiscard]] static Nonce nonce_of(std::uint64_t sequence_field, bool sender_dialled);

 private:
  [[nodiscard]] bool seal_box(std::uint64_t field, MutableBytes frames, Tag tag) override;
  [[nodiscard]] bool open_box(std::uint64_t field, MutableBytes frames, Tag tag) override;

  std::shared_ptr<Secret const> key_;
  bool we_dialled_;
};

} // namespace weave::datapath
