#include "datapath/ipsec/key_offer.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>
#include <sodium/core.h>
#include <sodium/crypto_aead_aes256gcm.h>

#include "datapath/ipsec/packet_size.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::datapath::ipsec {
namespace {

using test::hex_member;
using test::VectorFile;

std::string text(boost::json::object const& vector, char const* key) {
  auto const value = vector.at(key).as_string();
  return {value.begin(), value.end()};
}

template <class Check>
void for_each(std::string_view kind, Check const& check) {
  auto& file = VectorFile::load("datapath");
  std::size_t count = 0;
  for (auto const& value : file.all()) {
    auto const& vector = value.as_object();
    if (text(vector, "kind") != kind) continue;
    SCOPED_TRACE(text(vector, "name"));
    check(vector);
    file.covered(text(vector, "name"));
    ++count;
  }
  EXPECT_GT(count, 0U) << kind;
}

void check_derivation(boost::json::object const& vector) {
  auto const offer = decode_offer(hex_member(vector, "init_sa_remote_payload_hex"));
  ASSERT_TRUE(offer) << offer.error().text();
  EXPECT_EQ(static_cast<std::uint32_t>(offer->spi), vector.at("spi").to_number<std::uint32_t>());
  EXPECT_EQ(encode_offer(*offer), hex_member(vector, "init_sa_remote_payload_hex"));
  auto const receiver = PeerName::parse(text(vector, "receiver_peer"));
  auto const key = derive_key(Secret{hex_member(vector, "session_key")}, offer->nonce, *receiver).value();
  EXPECT_TRUE(std::ranges::equal(key.octets(), hex_member(vector, "hex")));
}

/// What a kernel with this key makes of the packet: AES-256-GCM, nonce = salt and IV, AAD = SPI and 64 bits of
/// sequence.
Bytes decrypt(ByteView esp, ByteView key) {
  constexpr std::size_t kHeader = 8;
  constexpr std::size_t kIv = 8;
  constexpr std::size_t kAes = 32;
  Bytes nonce(key.begin() + kAes, key.end());
  nonce.insert(nonce.end(), esp.begin() + kHeader, esp.begin() + kHeader + kIv);
  Bytes associated(12);
  std::ranges::copy(esp.first(4), associated.begin());
  std::ranges::copy(esp.subspan(4, 4), associated.begin() + 8);
  auto const sealed = esp.subspan(kHeader + kIv);
  Bytes plain(sealed.size() - crypto_aead_aes256gcm_ABYTES);
  int const opened = crypto_aead_aes256gcm_decrypt(plain.data(), nullptr, nullptr, sealed.data(), sealed.size(),
                                                   associated.data(), associated.size(), nonce.data(), key.data());
  return opened == 0 ? plain : Bytes{};
}

TEST(KeyOffer, KeysAreThoseOfTheOriginal) { for_each("ipsec-key-derivation", check_derivation); }

TEST(KeyOffer, KeysAreThoseThatAKernelHeldInARealSession) { for_each("capture-ipsec-sa", check_derivation); }

TEST(KeyOffer, DerivedKeysOpenCapturedPackets) {
  if (sodium_init() < 0 || crypto_aead_aes256gcm_is_available() == 0) GTEST_SKIP() << "this processor has no AES";
  constexpr std::size_t kOuter = 14 + 20;
  constexpr std::uint32_t kUdpAndVxlan = 16;
  auto& file = VectorFile::load("datapath");
  for_each("capture-esp", [&](boost::json::object const& vector) {
    auto const name =
        text(vector, "name").starts_with("capture-esp-h1") ? "capture-ipsec-sa-h1" : "capture-ipsec-sa-h2";
    auto const& session = file.named(name);
    auto const offer = decode_offer(hex_member(session, "init_sa_remote_payload_hex"));
    auto const key = derive_key(Secret{hex_member(session, "session_key")}, offer->nonce,
                                *PeerName::parse(text(session, "receiver_peer")))
                         .value();
    auto const packet = hex_member(vector, "hex");
    auto const plain = decrypt(ByteView{packet}.subspan(kOuter), key.octets());
    ASSERT_FALSE(plain.empty());
    // Of heartbeats, which are long, only the beginning is in the file.
    auto const inner = hex_member(vector, vector.contains("inner_udp_hex") ? "inner_udp_hex" : "inner_udp_prefix_hex");
    ASSERT_LT(vector.at("inner_udp_len").to_number<std::size_t>(), plain.size());
    EXPECT_TRUE(std::equal(inner.begin(), inner.end(), plain.begin()));
    EXPECT_EQ(plain.back(), vector.at("next_header").to_number<unsigned>());
    auto const frame = vector.at("inner_udp_len").to_number<std::uint32_t>() - kUdpAndVxlan;
    EXPECT_EQ(encrypted_packet_size(frame), vector.at("outer_ip_len").to_number<std::uint32_t>());
  });
}

TEST(KeyOffer, OtherLengthsAreRefused) {
  for_each("ipsec-malformed", [](boost::json::object const& vector) {
    auto const offer = decode_offer(Bytes(vector.at("len").to_number<std::size_t>()));
    ASSERT_FALSE(offer);
    EXPECT_EQ(offer.error().text(), text(vector, "original_error"));
  });
}

TEST(KeyOffer, ReservedNumbersAreRefused) {
  KeyOffer offer{.nonce = {}, .spi = Spi{0xff}};
  EXPECT_FALSE(decode_offer(encode_offer(offer)));
  offer.spi = kFirstSpi;
  EXPECT_EQ(decode_offer(encode_offer(offer)), offer);
}

} // namespace
} // namespace weave::datapath::ipsec
