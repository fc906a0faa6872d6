#include "datapath/tunnel/aead_cipher.hpp"

#include <string>
#include <utility>

namespace weave::datapath {
namespace {

constexpr std::uint64_t kDfBit = std::uint64_t{1} << 63;

std::size_t lane_of(std::uint64_t field) {
  return static_cast<std::size_t>((field & kDfBit) != 0 ? SleeveChannel::df : SleeveChannel::fragmentable);
}

/// What a chain of keys is for; no two chains of a connection have the same, and both ends name it alike.
std::string purpose(SleeveSuite suite, SleeveKeying const& keying, bool sender_dialled, SleeveChannel channel) {
  std::string text = "weave sleeve packets 1";
  auto const add = [&text](std::string_view part) {
    text += '\0';
    text += part;
  };
  add(to_string(suite));
  add(keying.we_dialled ? keying.ours : keying.theirs);
  add(keying.we_dialled ? keying.theirs : keying.ours);
  add(sender_dialled ? "from dialler" : "from accepter");
  add(channel == SleeveChannel::df ? "df" : "fragmentable");
  return text;
}

std::unexpected<Error> cannot_set(SleeveSuite suite) {
  return failure(ErrorKind::unavailable, std::string{"libcrypto takes no key for "} + std::string{to_string(suite)});
}

} // namespace

Result<AeadCipher::Sending> AeadCipher::sending(SleeveSuite suite, SleeveKeying const& keying, SleeveChannel channel) {
  auto chain = AeadKeyChain::create(keying.session_key->octets(), purpose(suite, keying, keying.we_dialled, channel));
  if (!chain) return failure_of(chain);
  auto key = AeadKey::create(suite);
  if (!key) return failure_of(key);
  if (!key->set(AeadKey::Use::seal, chain->next().octets())) return cannot_set(suite);
  return Sending{.chain = std::move(*chain), .key = std::move(*key), .epoch = 0, .is_usable = true};
}

Result<AeadCipher::Receiving> AeadCipher::receiving(SleeveSuite suite, SleeveKeying const& keying,
                                                    SleeveChannel channel) {
  auto chain = AeadKeyChain::create(keying.session_key->octets(), purpose(suite, keying, !keying.we_dialled, channel));
  if (!chain) return failure_of(chain);
  auto previous = AeadKey::create(suite);
  auto current = AeadKey::create(suite);
  auto next = AeadKey::create(suite);
  if (!previous || !current || !next) return failure_of(AeadKey::create(suite));
  if (!current->set(AeadKey::Use::open, chain->next().octets()) ||
      !next->set(AeadKey::Use::open, chain->next().octets())) {
    return cannot_set(suite);
  }
  return Receiving{.chain = std::move(*chain),
                   .previous = std::move(*previous),
                   .current = std::move(*current),
                   .next = std::move(*next),
                   .epoch = 0,
                   .has_next = true};
}

Result<std::unique_ptr<AeadCipher>> AeadCipher::create(SleeveSuite suite, SleeveKeying const& keying,
                                                       unsigned epoch_bits) {
  auto sending_df = sending(suite, keying, SleeveChannel::df);
  auto sending_other = sending(suite, keying, SleeveChannel::fragmentable);
  auto receiving_df = receiving(suite, keying, SleeveChannel::df);
  auto receiving_other = receiving(suite, keying, SleeveChannel::fragmentable);
  for (auto const* const made : {&sending_df, &sending_other}) {
    if (!*made) return failure_of(*made);
  }
  for (auto const* const made : {&receiving_df, &receiving_other}) {
    if (!*made) return failure_of(*made);
  }
  return std::unique_ptr<AeadCipher>{new AeadCipher{suite,
                                                    epoch_bits,
                                                    {std::move(*sending_df), std::move(*sending_other)},
                                                    {std::move(*receiving_df), std::move(*receiving_other)}}};
}

AeadCipher::AeadCipher(SleeveSuite suite, unsigned epoch_bits, std::array<Sending, 2> sending,
                       std::array<Receiving, 2> receiving)
    : suite_{suite}, epoch_bits_{epoch_bits}, sending_{std::move(sending)}, receiving_{std::move(receiving)} {
  static_assert(kSleeveTagSize == kAeadTagSize);
  static_assert(static_cast<int>(SleeveChannel::df) == 0 && static_cast<int>(SleeveChannel::fragmentable) == 1);
}

bool AeadCipher::seal_box(std::uint64_t field, MutableBytes frames, Tag tag) {
  auto& lane = sending_[lane_of(field)];
  for (auto const epoch = (field & ~kDfBit) >> epoch_bits_; lane.epoch < epoch; ++lane.epoch) {
    lane.is_usable = lane.key.set(AeadKey::Use::seal, lane.chain.next().octets());
  }
  return lane.is_usable && lane.key.seal(field, frames, tag);
}

bool AeadCipher::open_box(std::uint64_t field, MutableBytes frames, Tag tag) {
  auto& lane = receiving_[lane_of(field)];
  auto const epoch = (field & ~kDfBit) >> epoch_bits_;
  if (epoch == lane.epoch) return lane.current.open(field, frames, tag);
  if (epoch + 1 == lane.epoch) return lane.previous.open(field, frames, tag);
  if (epoch != lane.epoch + 1 || !lane.has_next || !lane.next.open(field, frames, tag)) return false;
  advance(lane);
  return true;
}

void AeadCipher::advance(Receiving& lane) {
  std::swap(lane.previous, lane.current);
  std::swap(lane.current, lane.next);
  lane.has_next = lane.next.set(AeadKey::Use::open, lane.chain.next().octets());
  ++lane.epoch;
}

} // namespace weave::datapath
