#include "datapath/ipsec/xfrm_codec.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <linux/xfrm.h>
#include <netinet/in.h>

#include <gtest/gtest.h>

#include "test/fixtures/vectors.hpp"

namespace weave::datapath::ipsec {
namespace {

constexpr Ipv4Address kLocal{0xc0a83201};
constexpr Ipv4Address kRemote{0xc0a83202};

Secret counting_key() {
  Bytes key(36);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  return Secret{std::move(key)};
}

netlink::Message message_of(Bytes const& request) { return **netlink::MessageCursor{request}.next(); }

template <class T>
T at(ByteView bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// Cuts one attribute out of what follows a fixed header.
ByteView attribute(ByteView payload, std::size_t header, std::uint16_t type) {
  for (auto offset = header; offset + 4 <= payload.size();) {
    auto const length = at<std::uint16_t>(payload, offset);
    if (at<std::uint16_t>(payload, offset + 2) == type) return payload.subspan(offset + 4, length - 4U);
    offset += (length + 3U) / 4 * 4;
  }
  ADD_FAILURE() << "no attribute " << type;
  return {};
}

// "Dst: 192.168.50.1, Src: 192.168.50.2, Proto: esp, Mode: transport, SPI: 0xc0ffee01, ReqID: 0x0, ReplayWindow: 256,
// …, Aead: {Name: rfc4106(gcm(aes)), Key: 0x0001…23, ICV length: 128}, …, ESN: true". The policy of the original names
// no port and a mark that firewall rules set; ours does not, on purpose.
TEST(XfrmCodec, AssociationsAreThoseOfTheOriginal) {
  AssociationId const id{.source = kRemote, .destination = kLocal, .spi = Spi{0xc0ffee01}};
  auto const request = encode_association(id, counting_key(), 0, true);
  ASSERT_TRUE(request);
  auto const message = message_of(*request);
  EXPECT_EQ(message.type, XFRM_MSG_UPDSA);
  auto const info = at<xfrm_usersa_info>(message.payload, 0);
  EXPECT_EQ(info.id.daddr.a4, htonl(0xc0a83201));
  EXPECT_EQ(info.saddr.a4, htonl(0xc0a83202));
  EXPECT_EQ(info.id.spi, htonl(0xc0ffee01));
  EXPECT_EQ(info.id.proto, IPPROTO_ESP);
  EXPECT_EQ(info.mode, XFRM_MODE_TRANSPORT);
  EXPECT_EQ(info.reqid, 0U);
  EXPECT_EQ(info.flags, XFRM_STATE_ESN);
  EXPECT_EQ(info.lft.hard_byte_limit, XFRM_INF);
  auto const replay = attribute(message.payload, sizeof info, XFRMA_REPLAY_ESN_VAL);
  ASSERT_EQ(replay.size(), 24U);
  EXPECT_EQ(at<std::uint32_t>(replay, 0), 8U);
  EXPECT_EQ(at<std::uint32_t>(replay, 20), 256U);
  auto const aead = attribute(message.payload, sizeof info, XFRMA_ALG_AEAD);
  ASSERT_EQ(aead.size(), 64U + 8 + 36);
  EXPECT_STREQ(reinterpret_cast<char const*>(aead.data()), "rfc4106(gcm(aes))");
  EXPECT_EQ(at<std::uint32_t>(aead, 64), 288U);
  EXPECT_EQ(at<std::uint32_t>(aead, 68), 128U);
  EXPECT_TRUE(std::ranges::equal(aead.subspan(72), counting_key().octets()));
  test::VectorFile::load("datapath").covered("ipsec-xfrm-params");
}

TEST(XfrmCodec, NewOnesAreAddedAndAllocatedOnesCompleted) {
  AssociationId const id{.source = kLocal, .destination = kRemote, .spi = Spi{0x100}};
  EXPECT_EQ(message_of(*encode_association(id, counting_key(), kTag, false)).type, XFRM_MSG_NEWSA);
  EXPECT_FALSE(encode_association(id, Secret{Bytes(32)}, kTag, false)) << "a key without salt";
}

TEST(XfrmCodec, NumbersAreAskedForInTheRangeOfTheOriginal) {
  auto const request = encode_allocate(kRemote, kLocal, kTag);
  auto const message = message_of(*request);
  EXPECT_EQ(message.type, XFRM_MSG_ALLOCSPI);
  auto const info = at<xfrm_userspi_info>(message.payload, 0);
  EXPECT_EQ(info.min, 0x100U);
  EXPECT_EQ(info.max, 0xffffffffU);
  EXPECT_EQ(info.info.id.daddr.a4, htonl(0xc0a83201));
  EXPECT_EQ(info.info.reqid, kTag);
}

TEST(XfrmCodec, WhatWasWrittenCanBeRead) {
  AssociationId const id{.source = kLocal, .destination = kRemote, .spi = Spi{0x1234}};
  auto const request = encode_association(id, counting_key(), kTag, false);
  EXPECT_EQ(*decode_association(message_of(*request), kTag), id);
  EXPECT_EQ(*decode_association(message_of(*request), kTag + 1), std::nullopt) << "somebody else's";
}

TEST(XfrmCodec, PoliciesSurviveTheWay) {
  for (auto const treatment : {Treatment::block, Treatment::encrypted, Treatment::may_be_clear}) {
    for (auto const direction : {Direction::in, Direction::out}) {
      Policy policy{.id = {.direction = direction, .source = kLocal, .destination = kRemote, .port = 6784},
                    .treatment = treatment,
                    .priority = 3};
      if (treatment == Treatment::encrypted) policy.spi = Spi{0xc0ffee01};
      auto const request = encode_policy(policy, kTag);
      EXPECT_EQ(*decode_policy(message_of(*request), kTag), policy);
      EXPECT_EQ(*decode_policy(message_of(*request), kTag + 1), std::nullopt);
      policy.id.source = {};
      EXPECT_EQ(*decode_policy(message_of(*encode_policy(policy, kTag)), kTag), policy);
    }
  }
}

TEST(XfrmCodec, APolicyIsForOnePortOfUdp) {
  Policy const policy{.id = {.direction = Direction::out, .source = kLocal, .destination = {}, .port = 6784}};
  auto const request = encode_policy(policy, kTag);
  auto const message = message_of(*request);
  EXPECT_EQ(message.type, XFRM_MSG_UPDPOLICY);
  auto const info = at<xfrm_userpolicy_info>(message.payload, 0);
  EXPECT_EQ(info.sel.proto, IPPROTO_UDP);
  EXPECT_EQ(info.sel.dport, htons(6784));
  EXPECT_EQ(info.sel.dport_mask, 0xffff);
  EXPECT_EQ(info.sel.sport_mask, 0);
  EXPECT_EQ(info.sel.prefixlen_s, 32);
  EXPECT_EQ(info.sel.prefixlen_d, 0);
  EXPECT_EQ(info.action, XFRM_POLICY_BLOCK);
  EXPECT_EQ(info.dir, XFRM_POLICY_OUT);
}

TEST(XfrmCodec, CutMessagesAreMalformed) {
  Policy const policy{.id = {.direction = Direction::out, .source = kLocal, .destination = {}, .port = 6784}};
  auto const request = encode_policy(policy, kTag);
  auto message = message_of(*request);
  message.payload = message.payload.first(100);
  EXPECT_FALSE(decode_policy(message, kTag));
  message.type = XFRM_MSG_NEWSA;
  EXPECT_FALSE(decode_association(message, kTag));
}

} // namespace
} // namespace weave::datapath::ipsec
