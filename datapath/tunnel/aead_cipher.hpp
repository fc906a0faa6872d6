#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/result.hpp"
#include "datapath/tunnel/aead_key.hpp"
#include "datapath/tunnel/sleeve_cipher.hpp"

namespace weave::datapath {

/// Packets between our own peers: an AEAD suite of libcrypto under keys derived from the session key, one for each
/// direction and channel. A key lasts for an epoch of 2^28 packets, far from where AES-GCM weakens, and both ends
/// derive the next one without a word, since the sequence number tells the epoch. The receiver has three keys ready: of
/// the epoch it is in, for packets that are late the one before, and the one after, which an authentic packet makes the
/// present one. What is further away is not authentic.
class AeadCipher final : public SleeveCipher {
 public:
  static constexpr unsigned kEpochBits = 28;

  /// `suite` is not secretbox. `epoch_bits` is for tests.
  [[nodiscard]] static Result<std::unique_ptr<AeadCipher>> create(SleeveSuite suite, SleeveKeying const& keying,
                                                                  unsigned epoch_bits = kEpochBits);

  [[nodiscard]] SleeveSuite suite() const override { return suite_; }

 private:
  struct Sending {
    AeadKeyChain chain;
    AeadKey key;
    std::uint64_t epoch;
    bool is_usable;
  };
  struct Receiving {
    AeadKeyChain chain; // for the epoch after next
    AeadKey previous;
    AeadKey current;
    AeadKey next;
    std::uint64_t epoch;
    bool has_next;
  };

  AeadCipher(SleeveSuite suite, unsigned epoch_bits, std::array<Sending, 2> sending,
             std::array<Receiving, 2> receiving);
  [[nodiscard]] static Result<Sending> sending(SleeveSuite suite, SleeveKeying const& keying, SleeveChannel channel);
  [[nodiscard]] static Result<Receiving> receiving(SleeveSuite suite, SleeveKeying const& keying,
                                                   SleeveChannel channel);
  static void advance(Receiving& lane);

  [[nodiscard]] bool seal_box(std::uint64_t field, MutableBytes frames, Tag tag) override;
  [[nodiscard]] bool open_box(std::uint64_t field, MutableBytes frames, Tag tag) override;

  SleeveSuite suite_;
  unsigned epoch_bits_;
  alignas(64) std::array<Sending, 2> sending_;
  alignas(64) std::array<Receiving, 2> receiving_;
};

} // namespace weave::datapath
