#include "datapath/netlink/message.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "datapath/netlink/family.hpp"

namespace weave::datapath::netlink {
namespace {

Bytes hex(std::string_view text) { return *parse_hex(text); }

Message only(Bytes const& datagram) {
  auto const message = MessageCursor{datagram}.next();
  EXPECT_TRUE(message && *message);
  return message && *message ? **message : Message{};
}

TEST(Messages, AreCutOutOfADatagram) {
  auto const datagram =
      hex("150000001b0002000700000009000000"
          "aabbccddee000000"
          "1000000003000200070000000900000"
          "0");
  MessageCursor cursor{datagram};
  auto const first = cursor.next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->type, 0x1b);
  EXPECT_EQ((*first)->flags, 2);
  EXPECT_EQ((*first)->sequence, 7U);
  EXPECT_EQ((*first)->port, 9U);
  EXPECT_EQ(to_hex((*first)->payload), "aabbccddee");
  auto const second = cursor.next();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->type, 3);
  auto const end = cursor.next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST(Messages, WithImpossibleLengthsAreRefused) {
  for (auto const* text : {"00", "0f0000001b000200070000000900000", "1100000003000200070000000900000000000000"}) {
    auto bytes = std::string{text};
    if (bytes.size() % 2 != 0) bytes += '0';
    auto datagram = hex(bytes);
    if (datagram.size() > 16) datagram.resize(16);
    EXPECT_FALSE(MessageCursor{datagram}.next()) << text;
  }
}

TEST(Messages, TellGenericOnesByCommand) {
  auto const datagram = hex("180000001b000200070000000900000003010000aabbccdd");
  auto const generic = decode_generic(only(datagram));
  ASSERT_TRUE(generic);
  EXPECT_EQ(generic->command, 3);
  EXPECT_EQ(generic->version, 1);
  EXPECT_EQ(to_hex(generic->content), "aabbccdd");
  EXPECT_FALSE(decode_generic(only(hex("130000001b000200070000000900000003010000"))));
}

TEST(Acknowledgements, SaySuccess) {
  auto const datagram =
      hex("24000000020000010700000009000000"
          "00000000"
          "180000001b000500070000000000000000000000");
  auto const end = decode_acknowledgement(only(datagram));
  ASSERT_TRUE(end && *end);
  EXPECT_EQ((*end)->error, 0);
  EXPECT_FALSE(*decode_acknowledgement(only(hex("180000001b000200070000000900000003010000aabbccdd"))));
}

TEST(Acknowledgements, QuoteTheKernel) {
  // Capped: error, header of the request, then attribute 1 "no".
  auto const capped =
      hex("2b000000020000030700000009000000"
          "eeffffff"
          "180000001b0005000700000000000000"
          "070001006e6f00");
  auto const end = decode_acknowledgement(only(capped));
  ASSERT_TRUE(end && *end);
  EXPECT_EQ((*end)->error, 18);
  EXPECT_EQ((*end)->text, "no");
  // The whole request quoted, 24 bytes of it.
  auto const whole =
      hex("33000000020000020700000009000000"
          "eeffffff"
          "180000001b0005000700000000000000"
          "0301000004000000"
          "070001006e6f00");
  auto const long_end = decode_acknowledgement(only(whole));
  ASSERT_TRUE(long_end && *long_end);
  EXPECT_EQ((*long_end)->text, "no");
  // It says that more is quoted than there is.
  auto const lying =
      hex("2b000000020000020700000009000000"
          "eeffffff"
          "f80000001b0005000700000000000000"
          "070001006e6f00");
  auto const lying_end = decode_acknowledgement(only(lying));
  ASSERT_TRUE(lying_end && *lying_end);
  EXPECT_EQ((*lying_end)->text, "");
}

TEST(Acknowledgements, EndDumps) {
  auto const fine = decode_acknowledgement(only(hex("1400000003000200070000000900000000000000")));
  ASSERT_TRUE(fine && *fine);
  EXPECT_EQ((*fine)->error, 0);
  auto const failed = decode_acknowledgement(only(hex("14000000030002000700000009000000edffffff")));
  ASSERT_TRUE(failed && *failed);
  EXPECT_EQ((*failed)->error, ENODEV);
}

TEST(Acknowledgements, CutOffAreMalformed) {
  EXPECT_FALSE(decode_acknowledgement(only(hex("1200000002000000070000000900000000000000"))));
}

TEST(Errors, KeepTheirKind) {
  EXPECT_EQ(error_kind_of(ENODEV), ErrorKind::not_found);
  EXPECT_EQ(error_kind_of(ENOENT), ErrorKind::not_found);
  EXPECT_EQ(error_kind_of(EEXIST), ErrorKind::already_exists);
  EXPECT_EQ(error_kind_of(EADDRINUSE), ErrorKind::already_exists);
  EXPECT_EQ(error_kind_of(EPERM), ErrorKind::refused);
  EXPECT_EQ(error_kind_of(EINVAL), ErrorKind::system);
  EXPECT_EQ(error_of({.error = ENODEV, .text = "gone"}, "add port a").text(), "add port a: No such device (gone)");
}

TEST(Families, AreDecodedWithTheirGroups) {
  // FAMILY_ID 27, MCAST_GROUPS {{ID 5, NAME "ovs_vport"}, {ID 6, NAME "x"}}.
  auto const datagram =
      hex("50000000100000000700000009000000"
          "01020000"
          "06000100"
          "1b000000"
          "34000700"
          "1c000100"
          "0800020005000000"
          "0e000100"
          "6f76735f76706f727400"
          "0000"
          "14000200"
          "0800020006000000"
          "06000100"
          "78000000");
  auto const family = decode_family(only(datagram));
  ASSERT_TRUE(family) << family.error().text();
  EXPECT_EQ(family->id, 27);
  EXPECT_EQ(family->groups.size(), 2U);
  EXPECT_EQ(family->groups.at("ovs_vport"), 5U);
  EXPECT_FALSE(
      decode_family(only(hex("14000000100000000700000009000000"
                             "01020000"))));
}

} // namespace
} // namespace weave::datapath::netlink
