#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace weave::gossip {

/// What protects the messages of one connection after the keys are agreed: both directions, each with its own sequence
/// that counts every message (protocol/mesh.md §4.2). Not shared between connections.
class Sealer {
 public:
  virtual ~Sealer() = default;

  /// Octets by which a sealed message is longer.
  [[nodiscard]] virtual std::size_t overhead() const = 0;
  /// Appends the sealed message to `out`. What is sealed must be sent, and in this order.
  virtual void seal(ByteView message, Bytes& out) = 0;
  /// The message inside, valid until the next call and as long as `sealed`. Error: `Unable to decrypt TCP msg`.
  [[nodiscard]] virtual Result<ByteView> open(ByteView sealed) = 0;
};

/// Clear text: messages travel as they are.
class ClearSealer final : public Sealer {
 public:
  [[nodiscard]] std::size_t overhead() const override { return 0; }
  void seal(ByteView message, Bytes& out) override { out.insert(out.end(), message.begin(), message.end()); }
  [[nodiscard]] Result<ByteView> open(ByteView sealed) override { return sealed; }
};

/// What two ends come to.
struct Agreement {
  std::unique_ptr<Sealer> sealer;
  /// 32 octets, for tunnels of this connection (mesh.md §3.5); their nonces leave bit 6 of the first octet clear.
  Secret session_key;
};

/// Our half of the key agreement of one connection; exists only when a password is set (mesh.md §4.1).
class KeyExchange {
 public:
  static constexpr std::size_t kPublicKeySize = 32;

  virtual ~KeyExchange() = default;

  /// 32 octets.
  [[nodiscard]] virtual ByteView public_key() const = 0;
  /// `we_dialled` decides the polarity of the nonces.
  [[nodiscard]] virtual Result<Agreement> agree(ByteView their_public_key, bool we_dialled) = 0;
};

} // namespace weave::gossip
