#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "gossip/sealer.hpp"

namespace weave::gossip {

/// Key agreement of one connection under a shared password (protocol/mesh.md §4.1): an X25519 pair of its own, and
/// SHA-256 over the precomputed box key and the password. Who has another password comes to another key, which shows
/// when the first message cannot be opened.
class PasswordKeyExchange final : public KeyExchange {
 public:
  /// A fresh pair. `password` is shared by all connections.
  [[nodiscard]] static std::unique_ptr<PasswordKeyExchange> create(std::shared_ptr<Secret const> password);
  /// With a given private key of 32 octets, for tests against recorded conversations.
  PasswordKeyExchange(std::shared_ptr<Secret const> password, Secret private_key);

  [[nodiscard]] ByteView public_key() const override { return public_key_; }
  [[nodiscard]] Result<Agreement> agree(ByteView their_public_key, bool we_dialled) override;

 private:
  std::shared_ptr<Secret const> password_;
  Secret private_key_;
  std::array<std::uint8_t, kPublicKeySize> public_key_{};
};

/// What MeshSettings::make_keys wants. The library behind it is made ready here; error: it cannot be.
[[nodiscard]] Result<std::function<std::unique_ptr<KeyExchange>()>> keys_of_password(Secret password);

} // namespace weave::gossip
