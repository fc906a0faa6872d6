#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "datapath/packet/byte_order.hpp"
#include "datapath/tunnel/replay_window.hpp"
#include "datapath/tunnel/sleeve_io.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"
#include "datapath/tunnel/sleeve_suite.hpp"

namespace weave::datapath {

/// Why an encrypted packet is not taken.
enum class SleeveRefusal : std::uint8_t {
  too_short,     ///< no room for sequence number and tag
  not_authentic, ///< another key or suite, changed on the way, or clear
  replayed       ///< seen before, or older than what is remembered
};

/// Encryption of the packets of one connection. All suites share the layout (sleeve_layout.hpp) and the rules of
/// protocol/datapath.md §4.2: a sequence of its own for each channel and direction that counts from 0, and a window
/// against replays which moves only after a packet has proved authentic. No number is used twice: after 2^63 of a
/// channel, which no connection lives to see, zeros that nobody can open are sent. Key and object end with the
/// connection.
///
/// Made on the control thread, then used by the packet worker: seal and open may run at the same time in two threads
/// and share nothing that either changes. Several threads may seal, each while it holds sealing(); one opens. Nothing
/// is allocated by seal and open.
class SleeveCipher {
 public:
  virtual ~SleeveCipher() = default;
  SleeveCipher(SleeveCipher const&) = delete;
  SleeveCipher& operator=(SleeveCipher const&) = delete;

  [[nodiscard]] virtual SleeveSuite suite() const = 0;

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

 protected:
  using Tag = std::span<std::uint8_t, kSleeveTagSize>;

  /// `first` is for tests: the number of the first packet of each channel.
  explicit SleeveCipher(std::uint64_t first = 0) : next_{first, first} {}

 private:
  /// Encrypts `frames` under the number `field`, whose first bit tells the channel. False: not possible.
  [[nodiscard]] virtual bool seal_box(std::uint64_t field, MutableBytes frames, Tag tag) = 0;
  /// False: not authentic.
  [[nodiscard]] virtual bool open_box(std::uint64_t field, MutableBytes frames, Tag tag) = 0;

  // Apart, as two threads write them.
  alignas(64) std::mutex sealing_;
  std::array<std::uint64_t, 2> next_;
  alignas(64) std::array<ReplayWindow, 2> seen_;
};

/// What both ends of a connection know when its packets are to be encrypted. The offers take part in the derivation of
/// the keys of all suites but secretbox: ends that have seen different ones, because somebody changed them on the way,
/// cannot open a single packet of each other.
struct SleeveKeying {
  /// 32 octets.
  std::shared_ptr<Secret const> session_key;
  /// We dialled the TCP connection.
  bool we_dialled = false;
  /// The feature kSleeveSuitesFeature as announced by each end on this connection; empty: absent.
  std::string ours = {};
  std::string theirs = {};
};

/// For the suite that both ends come to by their offers; never null. Error: it cannot be had here.
[[nodiscard]] Result<std::shared_ptr<SleeveCipher>> make_sleeve_cipher(SleeveKeying const& keying);

} // namespace weave::datapath
