#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "datapath/packet/byte_order.hpp"
#include "datapath/tunnel/replay_window.hpp"
#include "datapath/tunnel/sleeve_io.hpp"

namespace weave::datapath {

/// Why an encrypted packet is not taken.
enum class SleeveRefusal : std::uint8_t {
  too_short,     ///< no room for sequence number and tag
  not_authentic, ///< another key, changed on the way, or clear
  replayed       ///< seen before, or older than what is remembered
};

/// Encryption of the packets of one connection in the format of the original (protocol/datapath.md §4.2): NaCl
/// secretbox under the connection's session key, a sequence of its own for each channel and direction. Ours count from
/// 0 and never repeat, since key and object end with the connection. The only place where nonces of sleeve packets are
/// made.
///
/// Made on the control thread, then used by the packet worker: seal and open may run at the same time in two threads and
/// share nothing that either changes. Several threads may seal, each while it holds sealing(); one opens. Nothing is
/// allocated by seal and open.
class SleeveCipher {
 public:
  static constexpr std::size_t kNonceSize = 24;
  using Nonce = std::array<std::uint8_t, kNonceSize>;

  /// `key` has 32 octets; `we_dialled` the TCP connection.
  SleeveCipher(std::shared_ptr<Secret const> key, bool we_dialled);

  /// Encrypts in place a packet whose frames begin at kEncryptedPacketOverhead, behind the sender's name: writes
  /// sequence number and tag between them. Each packet once.
  void seal(MutableBytes packet, SleeveChannel channel);

  /// For a run of packets that one thread seals.
  [[nodiscard]] std::mutex& sealing() { return sealing_; }

  struct Opened {
    /// In the packet's own memory.
    ByteView frames;
    SleeveChannel channel = SleeveChannel::df;
  };
  /// Decrypts in place. A refused packet may be left in any state and changes nothing here.
  [[nodiscard]] std::expected<Opened, SleeveRefusal> open(MutableBytes packet);

  /// Of a packet with this sequence field (channel bit included).
  [[nodiscard]] static Nonce nonce_of(std::uint64_t sequence_field, bool sender_dialled);

 private:
  std::shared_ptr<Secret const> key_;
  bool we_dialled_;
  std::mutex sealing_;
  std::array<std::uint64_t, 2> next_{};
  std::array<ReplayWindow, 2> seen_;
};

} // namespace weave::datapath
