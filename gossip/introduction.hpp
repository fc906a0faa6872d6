#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "gossip/features.hpp"
#include "gossip/frame_codec.hpp"
#include "gossip/sealer.hpp"

namespace weave::gossip {

/// Protocol versions one end speaks, both inclusive.
struct VersionRange {
  std::uint8_t min = 2;
  std::uint8_t max = 2;

  friend bool operator==(VersionRange const&, VersionRange const&) = default;
};

inline constexpr std::size_t kProtocolHeaderSize = 7;

[[nodiscard]] Bytes encode_protocol_header(VersionRange ours);
/// The version to speak, from the remote's seven octets. Error texts as in protocol/mesh.md §3.1.
[[nodiscard]] Result<std::uint8_t> negotiate_version(ByteView remote_header, VersionRange ours);

/// One end of the introduction (protocol/mesh.md §3): bytes in, bytes out; no socket and no clock.
///
///   header --7 octets--> flag --00--> features --one frame--> done       version 2
///      |                  |--01--> key --32 octets--> features
///      |--> features --one gob value--> done                             version 1
///
/// Any error ends it. The highest version that both know is spoken, and `versions` says which we know. Octets behind
/// the features stay in the frame decoder.
class Introduction {
 public:
  enum class Phase { header, flag, key, features, done };

  /// The features message of a real peer takes a few hundred octets; a stranger is not allowed much more.
  static constexpr std::size_t kMaxFeaturesSize = 64 * 1024;

  /// `keys` is null when no password is set.
  Introduction(VersionRange versions, Features features, std::unique_ptr<KeyExchange> keys, bool we_dialled);

  /// What to write at once, without waiting for the remote.
  [[nodiscard]] Bytes start() const { return encode_protocol_header(versions_); }
  /// Takes in what the remote sent; returns what to write in answer, often nothing.
  [[nodiscard]] Result<Bytes> on_bytes(ByteView bytes);
  /// What was to be written when an error ended it: without it the remote cannot come to the same verdict.
  [[nodiscard]] Bytes take_unsent() { return std::exchange(unsent_, {}); }
  /// Why the introduction failed, if the connection ended or its time ran out with `cause`.
  [[nodiscard]] Error explain(Error const& cause) const;

  [[nodiscard]] Phase phase() const { return phase_; }

  /// Valid in phase done; the take_ functions once.
  [[nodiscard]] std::uint8_t version() const { return version_; }
  /// Less than the best of ours was chosen although all is sealed: only the remote itself can tell whether it has
  /// better, since headers are not protected.
  [[nodiscard]] bool may_be_lowered() const { return keys_ && version_ < versions_.max; }
  [[nodiscard]] VersionRange versions() const { return versions_; }
  [[nodiscard]] Features const& remote_features() const { return remote_features_; }
  [[nodiscard]] std::unique_ptr<Sealer> take_sealer() { return std::move(sealer_); }
  /// Empty without a password.
  [[nodiscard]] Secret take_session_key() { return std::move(session_key_); }
  /// Of the messages that follow.
  [[nodiscard]] Framing framing() const { return version_ == 1 ? Framing::gob : Framing::length; }
  [[nodiscard]] FrameDecoder take_frames() { return std::move(frames_); }

 private:
  [[nodiscard]] Result<void> advance();
  [[nodiscard]] Result<void> on_header();
  [[nodiscard]] Result<void> on_flag();
  [[nodiscard]] Result<void> on_key();
  [[nodiscard]] Result<void> on_features();
  [[nodiscard]] Result<void> on_v1_bytes(ByteView bytes);
  [[nodiscard]] Result<void> on_v1_features(Features const& features);
  [[nodiscard]] Result<void> agree(ByteView their_public_key);
  [[nodiscard]] Result<void> send_features();
  void send_v1_features();
  void finish(Features remote);
  /// How many octets the present phase waits for before it can be decided; 0 once frames are cut.
  [[nodiscard]] std::size_t wanted() const;

  VersionRange versions_;
  Features features_;
  std::unique_ptr<KeyExchange> keys_;
  bool we_dialled_;
  Phase phase_ = Phase::header;
  Bytes partial_;
  Bytes unsent_;
  FrameDecoder frames_{kMaxFeaturesSize};
  std::unique_ptr<Sealer> sealer_ = std::make_unique<ClearSealer>();
  Secret session_key_;
  std::uint8_t version_ = 0;
  Features remote_features_;
};

} // namespace weave::gossip
