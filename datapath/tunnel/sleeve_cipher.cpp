#include "datapath/tunnel/sleeve_cipher.hpp"

#include <algorithm>
#include <utility>

#include "datapath/tunnel/aead_cipher.hpp"
#include "datapath/tunnel/secretbox_cipher.hpp"

namespace weave::datapath {
namespace {

constexpr std::uint64_t kDfBit = std::uint64_t{1} << 63;
constexpr std::size_t kTagAt = kSleeveNameSize + kSleeveSequenceSize;

std::size_t number(SleeveChannel channel) { return static_cast<std::size_t>(channel); }

std::span<std::uint8_t, kSleeveTagSize> tag_of(MutableBytes packet) { return packet.subspan<kTagAt, kSleeveTagSize>(); }

} // namespace

void SleeveCipher::seal(MutableBytes packet, SleeveChannel channel) {
  auto& next = next_[number(channel)];
  auto const frames = packet.subspan(kEncryptedPacketOverhead);
  bool const is_used_up = next == kDfBit;
  auto const field = (is_used_up ? 0 : next++) | (channel == SleeveChannel::df ? kDfBit : 0);
  store_u64(packet, kSleeveNameSize, field);
  if (!is_used_up && seal_box(field, frames, tag_of(packet))) return;
  std::ranges::fill(packet.subspan(kTagAt), std::uint8_t{0});
}

std::expected<SleeveCipher::Opened, SleeveRefusal> SleeveCipher::open(MutableBytes packet) {
  if (packet.size() < kEncryptedPacketOverhead) return std::unexpected{SleeveRefusal::too_short};
  auto const field = load_u64(packet, kSleeveNameSize);
  auto const frames = packet.subspan(kEncryptedPacketOverhead);
  if (!open_box(field, frames, tag_of(packet))) return std::unexpected{SleeveRefusal::not_authentic};
  auto const channel = (field & kDfBit) != 0 ? SleeveChannel::df : SleeveChannel::fragmentable;
  if (!seen_[number(channel)].accept(field & ~kDfBit)) return std::unexpected{SleeveRefusal::replayed};
  return Opened{.frames = frames, .channel = channel};
}

Result<std::shared_ptr<SleeveCipher>> make_sleeve_cipher(SleeveKeying const& keying) {
  auto const suite = choose_sleeve_suite(keying.ours, keying.theirs);
  if (suite == SleeveSuite::secretbox) {
    return std::make_shared<SecretboxCipher>(keying.session_key, keying.we_dialled);
  }
  auto made = AeadCipher::create(suite, keying);
  if (!made) return failure_of(made);
  return std::shared_ptr<SleeveCipher>{std::move(*made)};
}

} // namespace weave::datapath
