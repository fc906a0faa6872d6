#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "datapath/packet/byte_order.hpp"
#include "datapath/tunnel/sleeve_suite.hpp"

struct evp_cipher_ctx_st;

namespace weave::datapath {

inline constexpr std::size_t kAeadTagSize = 16;

/// One key of an AEAD suite with its state in libcrypto, for one direction only. One thread. Nothing is allocated after
/// create(). libcrypto wipes what it holds.
class AeadKey {
 public:
  static constexpr std::size_t kKeySize = 32;
  static constexpr std::size_t kNonceSize = 12;
  using Nonce = std::array<std::uint8_t, kNonceSize>;
  /// kKeySize octets of key, then kNonceSize octets of mask.
  static constexpr std::size_t kMaterialSize = kKeySize + kNonceSize;

  /// Not usable before set(). Error: the library does not have this suite (or it is secretbox).
  [[nodiscard]] static Result<AeadKey> create(SleeveSuite suite);

  enum class Use : std::uint8_t { seal, open };
  /// False: the library failed, and the key must not be used.
  [[nodiscard]] bool set(Use use, ByteView material);

  /// In place. False: the library failed; `box` is not to be sent. Each `number` once for each key.
  [[nodiscard]] bool seal(std::uint64_t number, MutableBytes box, std::span<std::uint8_t, kAeadTagSize> tag);
  /// In place. False: not authentic; `box` may be in any state.
  [[nodiscard]] bool open(std::uint64_t number, MutableBytes box, std::span<std::uint8_t, kAeadTagSize> tag);

  /// The only place where nonces of these suites are made (as in TLS 1.3): the mask, its last eight octets XORed with
  /// the big-endian number. Two numbers never give the same nonce under one mask.
  [[nodiscard]] static Nonce nonce_of(Nonce const& mask, std::uint64_t number);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_cipher_ctx_st, Free>;

  explicit AeadKey(Context context) : context_{std::move(context)} {}

  Context context_;
  Nonce mask_{};
};

/// The keys of one channel and direction, one after the other: each step derives the next secret from the present one
/// and forgets that, so that a key says nothing of the earlier ones.
class AeadKeyChain {
 public:
  /// HKDF-SHA256 of `session_key` with `purpose`. Error: the library failed.
  [[nodiscard]] static Result<AeadKeyChain> create(ByteView session_key, std::string_view purpose);

  /// Material for AeadKey::set, then one step on. Empty: the library failed.
  [[nodiscard]] Secret next();

 private:
  explicit AeadKeyChain(Secret secret) : secret_{std::move(secret)} {}

  Secret secret_;
};

} // namespace weave::datapath
