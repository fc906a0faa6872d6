#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>
#include <sodium/crypto_aead_chacha20poly1305.h>
#include <sodium/crypto_kdf.h>

#include "datapath/tunnel/aead_cipher.hpp"
#include "datapath/tunnel/secretbox_cipher.hpp"
#include "datapath/tunnel/sleeve_cipher.hpp"
#include "datapath/tunnel/sleeve_suite.hpp"

namespace weave::datapath {
namespace {

constexpr std::string_view kBoth = "aes-256-gcm chacha20-poly1305";
constexpr std::array kAeadSuites{SleeveSuite::chacha20_poly1305, SleeveSuite::aes_256_gcm};
constexpr std::array kChannels{SleeveChannel::df, SleeveChannel::fragmentable};

std::shared_ptr<Secret const> key(std::uint8_t octet = 7) { return std::make_shared<Secret const>(Bytes(32, octet)); }

SleeveKeying keying(bool we_dialled, std::string ours = std::string{kBoth}, std::string theirs = std::string{kBoth},
                    std::uint8_t octet = 7) {
  return {.session_key = key(octet), .we_dialled = we_dialled, .ours = std::move(ours), .theirs = std::move(theirs)};
}

std::unique_ptr<AeadCipher> aead(SleeveSuite suite, SleeveKeying const& keying,
                                 unsigned bits = AeadCipher::kEpochBits) {
  auto made = AeadCipher::create(suite, keying, bits);
  EXPECT_TRUE(made) << made.error().text();
  return made ? std::move(*made) : nullptr;
}

Bytes sealed(SleeveCipher& cipher, SleeveChannel channel, std::size_t frames = 60, std::uint8_t octet = 9) {
  Bytes packet(kEncryptedPacketOverhead + frames, octet);
  cipher.seal(packet, channel);
  return packet;
}

std::uint64_t field_of(ByteView packet) { return load_u64(packet, kSleeveNameSize); }

TEST(SleeveSuites, TheBestThatBothPreferIsChosenAndBothEndsAgree) {
  std::string const aes_first{kBoth};
  std::string const chacha_first = "chacha20-poly1305 aes-256-gcm";
  std::vector<std::tuple<std::string, std::string, SleeveSuite>> const cases{
      {aes_first, aes_first, SleeveSuite::aes_256_gcm},
      {aes_first, chacha_first, SleeveSuite::chacha20_poly1305},
      {chacha_first, chacha_first, SleeveSuite::chacha20_poly1305},
      {aes_first, "aes-256-gcm", SleeveSuite::aes_256_gcm},
      {chacha_first, "aes-256-gcm", SleeveSuite::aes_256_gcm},
      {aes_first, "aegis-256 aes-256-gcm chacha20-poly1305", SleeveSuite::aes_256_gcm},
      {aes_first, "", SleeveSuite::secretbox},
      {aes_first, "none", SleeveSuite::secretbox},
      {aes_first, "  aes-256-gcmx secretbox", SleeveSuite::secretbox},
      {"", "", SleeveSuite::secretbox}};
  for (auto const& [ours, theirs, expected] : cases) {
    EXPECT_EQ(choose_sleeve_suite(ours, theirs), expected) << ours << " / " << theirs;
    EXPECT_EQ(choose_sleeve_suite(theirs, ours), expected) << ours << " / " << theirs;
  }
  EXPECT_EQ(sleeve_suites(true), kBoth);
  EXPECT_EQ(sleeve_suites(false), chacha_first);
}

TEST(SleeveSuites, PacketsOfEverySuiteComeThroughBothWaysOnBothChannels) {
  for (auto const* const offer : {"aes-256-gcm", "chacha20-poly1305", ""}) {
    auto const a = *make_sleeve_cipher(keying(true, offer, offer));
    auto const b = *make_sleeve_cipher(keying(false, offer, offer));
    EXPECT_EQ(to_string(a->suite()), *offer != '\0' ? offer : "secretbox");
    for (auto const& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
      for (auto const channel : kChannels) {
        for (std::size_t const size : {0U, 1U, 60U, 1442U, 60'001U}) {
          auto packet = sealed(*from, channel, size);
          EXPECT_EQ(std::ranges::search(packet, Bytes(8, 9)).size(), 0U) << "clear octets are left";
          auto const copy = packet;
          auto const opened = to->open(packet);
          ASSERT_TRUE(opened) << offer << " " << size;
          EXPECT_EQ(opened->channel, channel);
          EXPECT_EQ(Bytes(opened->frames.begin(), opened->frames.end()), Bytes(size, 9));
          packet = copy;
          EXPECT_EQ(to->open(packet).error(), SleeveRefusal::replayed);
        }
      }
    }
  }
}

/// All that could be on the other side: every suite, under our key and another one, with our offer and another one,
/// and with either role; and clear packets.
TEST(SleeveSuites, NothingIsOpenedButWhatTheOtherEndOfThisConnectionSealed) {
  std::vector<SleeveKeying> ends;
  for (auto const* const offer : {"aes-256-gcm chacha20-poly1305", "chacha20-poly1305", "aes-256-gcm", ""}) {
    for (auto const* const theirs : {"aes-256-gcm chacha20-poly1305", "aes-256-gcm", ""}) {
      for (std::uint8_t const octet : {std::uint8_t{7}, std::uint8_t{8}}) {
        for (bool const dialled : {true, false}) ends.push_back(keying(dialled, offer, theirs, octet));
      }
    }
  }
  for (auto const& receiver : ends) {
    for (auto const& sender : ends) {
      auto const to = *make_sleeve_cipher(receiver);
      auto const from = *make_sleeve_cipher(sender);
      Bytes clear(200, 1);
      EXPECT_FALSE(to->open(clear)) << "a clear packet";
      bool const same_keys = sender.session_key->octets()[0] == receiver.session_key->octets()[0] &&
                             sender.we_dialled != receiver.we_dialled;
      bool const same_offers = sender.ours == receiver.theirs && sender.theirs == receiver.ours;
      bool const both_secretbox = from->suite() == SleeveSuite::secretbox && to->suite() == SleeveSuite::secretbox;
      for (auto const channel : kChannels) {
        auto packet = sealed(*from, channel);
        EXPECT_EQ(to->open(packet).has_value(), same_keys && (same_offers || both_secretbox))
            << sender.ours << "|" << sender.theirs << " to " << receiver.ours << "|" << receiver.theirs;
      }
    }
  }
}

TEST(AeadCipher, AnOfferChangedOnTheWayLeavesNoPacketThatOpens) {
  // Both come to AES, but the accepter was told that the dialler has nothing else.
  auto const a = *make_sleeve_cipher(keying(true));
  auto const b = *make_sleeve_cipher(keying(false, std::string{kBoth}, "aes-256-gcm"));
  ASSERT_EQ(a->suite(), b->suite());
  auto packet = sealed(*a, SleeveChannel::df);
  EXPECT_FALSE(b->open(packet));
}

TEST(AeadCipher, EveryChangedOctetBehindTheNameIsNoticed) {
  for (auto const suite : kAeadSuites) {
    auto const sender = aead(suite, keying(true));
    auto const receiver = aead(suite, keying(false));
    auto const good = sealed(*sender, SleeveChannel::df);
    for (std::size_t at = kSleeveNameSize; at < good.size(); ++at) {
      auto bad = good;
      bad[at] ^= 0x10;
      EXPECT_FALSE(receiver->open(bad)) << at;
    }
    for (std::size_t size = 0; size < good.size(); ++size) {
      Bytes cut{good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)};
      EXPECT_FALSE(receiver->open(cut)) << size;
    }
    auto packet = good;
    EXPECT_TRUE(receiver->open(packet)) << "refused packets have not moved the window";
  }
}

/// Equal frames under equal key and nonce give equal octets: a repetition would show.
TEST(AeadCipher, NoNonceRepeatsUnderAKeyInAnyChannelDirectionOrConnection) {
  for (auto const suite : kAeadSuites) {
    std::set<Bytes> seen;
    std::size_t packets = 0;
    for (std::uint8_t connection = 0; connection < 3; ++connection) {
      for (bool const dialled : {true, false}) {
        auto const cipher = aead(suite, keying(dialled, std::string{kBoth}, std::string{kBoth}, connection), 5);
        for (auto const channel : kChannels) {
          for (std::uint64_t i = 0; i < 2000; ++i, ++packets) {
            auto const packet = sealed(*cipher, channel, 16);
            EXPECT_EQ(field_of(packet) & ~(std::uint64_t{1} << 63), i);
            seen.insert(Bytes{packet.begin() + kEncryptedPacketOverhead, packet.end()});
          }
        }
      }
    }
    EXPECT_EQ(seen.size(), packets);
  }
  std::set<AeadKey::Nonce> nonces;
  AeadKey::Nonce const mask{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  for (std::uint64_t bit = 0; bit < 64; ++bit) {
    for (std::uint64_t low = 0; low < 256; ++low) nonces.insert(AeadKey::nonce_of(mask, std::uint64_t{1} << bit ^ low));
  }
  EXPECT_EQ(nonces.size(), 57U * 256) << "2^0..2^7 fall into the first 256 numbers";
}

TEST(AeadCipher, KeysChangeWithTheEpochAndLatePacketsStillOpen) {
  constexpr unsigned kBits = 4;
  for (auto const suite : kAeadSuites) {
    auto const sender = aead(suite, keying(true), kBits);
    auto const receiver = aead(suite, keying(false), kBits);
    std::vector<Bytes> packets;
    for (int i = 0; i < 64; ++i) packets.push_back(sealed(*sender, SleeveChannel::df));
    auto const opens = [&](std::size_t number) {
      auto copy = packets[number];
      return receiver->open(copy).has_value();
    };
    EXPECT_FALSE(opens(32)) << "two epochs ahead: nobody loses a whole one";
    EXPECT_TRUE(opens(0));
    EXPECT_TRUE(opens(16));
    EXPECT_TRUE(opens(5)) << "late, of the epoch before";
    EXPECT_FALSE(opens(5)) << "and only once";
    EXPECT_TRUE(opens(40));
    EXPECT_FALSE(opens(6)) << "two epochs late";
    EXPECT_TRUE(opens(20));
    for (std::size_t i = 41; i < 64; ++i) EXPECT_TRUE(opens(i)) << i;
    auto other = sealed(*sender, SleeveChannel::fragmentable);
    EXPECT_TRUE(receiver->open(other)) << "the other channel has its own";
  }
}

TEST(AeadCipher, ForgedPacketsOfTheNextEpochDoNotMoveIt) {
  auto const sender = aead(SleeveSuite::aes_256_gcm, keying(true), 4);
  auto const receiver = aead(SleeveSuite::aes_256_gcm, keying(false), 4);
  for (std::uint64_t number = 16; number < 64; ++number) {
    Bytes forged(100, 3);
    store_u64(forged, kSleeveNameSize, number | std::uint64_t{1} << 63);
    EXPECT_FALSE(receiver->open(forged));
  }
  auto packet = sealed(*sender, SleeveChannel::df);
  EXPECT_TRUE(receiver->open(packet));
}

/// The packets are what RFC 8439 and HKDF say, checked with another library.
TEST(AeadCipher, AnotherLibraryOpensThem) {
  auto const sender = aead(SleeveSuite::chacha20_poly1305, keying(true));
  std::string purpose = "weave sleeve packets 1";
  for (std::string_view const part : {std::string_view{"chacha20-poly1305"}, kBoth, kBoth,
                                      std::string_view{"from dialler"}, std::string_view{"df"}}) {
    purpose += '\0';
    purpose += part;
  }
  auto const material = AeadKeyChain::create(key()->octets(), purpose)->next();
  AeadKey::Nonce mask{};
  std::ranges::copy(material.octets().subspan(AeadKey::kKeySize), mask.begin());
  for (std::uint64_t number = 0; number < 3; ++number) {
    auto packet = sealed(*sender, SleeveChannel::df);
    auto const field = number | std::uint64_t{1} << 63;
    EXPECT_EQ(field_of(packet), field);
    auto const nonce = AeadKey::nonce_of(mask, field);
    auto const box = MutableBytes{packet}.subspan(kEncryptedPacketOverhead);
    auto const* const tag = packet.data() + kSleeveNameSize + kSleeveSequenceSize;
    EXPECT_EQ(crypto_aead_chacha20poly1305_ietf_decrypt_detached(box.data(), nullptr, box.data(), box.size(), tag,
                                                                 nullptr, 0, nonce.data(), material.octets().data()),
              0);
    EXPECT_EQ(Bytes(box.begin(), box.end()), Bytes(60, 9));
  }
}

class LastPackets final : public SleeveCipher {
 public:
  LastPackets() : SleeveCipher{(std::uint64_t{1} << 63) - 1} {}
  [[nodiscard]] SleeveSuite suite() const override { return SleeveSuite::secretbox; }
  std::vector<std::uint64_t> fields;

 private:
  [[nodiscard]] bool seal_box(std::uint64_t field, MutableBytes, Tag) override {
    fields.push_back(field);
    return true;
  }
  [[nodiscard]] bool open_box(std::uint64_t, MutableBytes, Tag) override { return false; }
};

TEST(SleeveCipher, WhenAllNumbersAreUsedNothingIsSealedAndNothingLeavesInClear) {
  LastPackets cipher;
  (void)sealed(cipher, SleeveChannel::df);
  (void)sealed(cipher, SleeveChannel::fragmentable);
  EXPECT_EQ(cipher.fields, (std::vector{~std::uint64_t{0}, ~std::uint64_t{0} >> 1}));
  for (int i = 0; i < 3; ++i) {
    auto const packet = sealed(cipher, SleeveChannel::df);
    auto const rest = ByteView{packet}.subspan(kSleeveNameSize + kSleeveSequenceSize);
    EXPECT_EQ(Bytes(rest.begin(), rest.end()), Bytes(rest.size()));
  }
  EXPECT_EQ(cipher.fields.size(), 2U);
}

} // namespace
} // namespace weave::datapath
