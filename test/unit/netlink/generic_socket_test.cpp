#include "datapath/netlink/generic_socket.hpp"

#include <algorithm>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>

#include <gtest/gtest.h>

#include "datapath/netlink/message_builder.hpp"
#include "datapath/netlink/receiving_socket.hpp"

// Against the family that every kernel has, the one that tells of families; needs no rights.
namespace weave::datapath::netlink {
namespace {

GenericSocket opened() {
  auto socket = GenericSocket::open();
  EXPECT_TRUE(socket) << socket.error().text();
  return std::move(*socket);
}

TEST(GenericSocket, FindsFamiliesByName) {
  auto socket = opened();
  auto const control = socket.family("nlctrl");
  ASSERT_TRUE(control) << control.error().text();
  EXPECT_EQ(control->id, GENL_ID_CTRL);
  EXPECT_TRUE(control->groups.contains("notify"));
  auto const missing = socket.family("no such family");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind(), ErrorKind::not_found);
  EXPECT_EQ(socket.last_error(), ENOENT);
  EXPECT_TRUE(socket.family("nlctrl"));
  EXPECT_EQ(socket.last_error(), 0);
}

TEST(GenericSocket, AnswersThatNobodyWaitsForAreTakenForNoOthers) {
  auto socket = opened();
  for (int i = 0; i < 200; ++i) {
    // Every other one is refused, the others are answered.
    auto request = encode_family_request(i % 2 == 0 ? "nlctrl" : "no such family");
    ASSERT_TRUE(socket.send(std::move(*request), "ask"));
  }
  for (int i = 0; i < 3; ++i) {
    auto const control = socket.family("nlctrl");
    ASSERT_TRUE(control) << control.error().text();
    EXPECT_EQ(control->id, GENL_ID_CTRL);
    EXPECT_FALSE(socket.family("no such family"));
  }
  EXPECT_EQ(socket.refused_sends(), 100U);
}

TEST(GenericSocket, ReadsWholeSets) {
  auto socket = opened();
  for (int i = 0; i < 2; ++i) {
    auto request = MessageBuilder{GENL_ID_CTRL, 0}.generic(CTRL_CMD_GETFAMILY, 0).take();
    int starts = 0;
    bool found = false;
    auto const done = socket.dump(
        std::move(*request), "list families", [&] { ++starts; },
        [&](Message const& message) {
          auto const family = decode_family(message);
          found = found || (family && family->id == GENL_ID_CTRL);
        });
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_GE(starts, 1);
    EXPECT_TRUE(found);
  }
}

TEST(GenericSocket, SaysWhyTheKernelRefuses) {
  auto socket = opened();
  auto request = MessageBuilder{GENL_ID_CTRL, 0}.generic(250, 0).take();
  auto const refused = socket.transact(std::move(*request), "do it");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::refused);
  EXPECT_EQ(refused.error().text().find("do it: Operation not supported"), 0U) << refused.error().text();
}

// The kernel sends to a listener what it is asked for in its name: here its own answer.
TEST(ReceivingSocket, TakesWhatIsThereAndNeverWaits) {
  auto socket = ReceivingSocket::open({.queue = 65536, .message = 4096, .batch = 4});
  ASSERT_TRUE(socket) << socket.error().text();
  int messages = 0;
  auto const count = [&](Message const&) { return ++messages > 0; };
  auto const empty = socket->receive(count);
  ASSERT_TRUE(empty);
  EXPECT_EQ(*empty, ReceivingSocket::Outcome::received);
  EXPECT_EQ(messages, 0);

  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  constexpr int kRequests = 6;
  for (int i = 0; i < kRequests; ++i) {
    auto const request = encode_family_request("nlctrl");
    ASSERT_EQ(::sendto(socket->fd(), request->data(), request->size(), 0, reinterpret_cast<sockaddr const*>(&kernel),
                       sizeof kernel),
              static_cast<ssize_t>(request->size()));
  }
  ASSERT_TRUE(socket->receive(count));
  EXPECT_EQ(messages, 4) << "a batch at a time";
  ASSERT_TRUE(socket->receive(count));
  EXPECT_EQ(messages, kRequests);
  EXPECT_EQ(socket->lost(), 0U);
}

TEST(ReceivingSocket, WipesWhatIsSecret) {
  for (bool const secret : {false, true}) {
    auto socket = ReceivingSocket::open({.queue = 65536, .message = 4096, .batch = 4, .secret = secret});
    ASSERT_TRUE(socket) << socket.error().text();
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    auto const request = encode_family_request("nlctrl");
    ASSERT_GT(::sendto(socket->fd(), request->data(), request->size(), 0, reinterpret_cast<sockaddr const*>(&kernel),
                       sizeof kernel),
              0);
    ByteView payload;
    ASSERT_TRUE(socket->receive([&](Message const& message) {
      payload = message.payload;
      return decode_family(message).has_value();
    }));
    // The socket still owns the memory.
    ASSERT_FALSE(payload.empty());
    EXPECT_EQ(std::ranges::all_of(payload, [](std::uint8_t octet) { return octet == 0; }), secret);
  }
}

TEST(ReceivingSocket, MayBeEndedByItsOwnCallback) {
  auto opened = ReceivingSocket::open({.queue = 65536, .message = 4096, .batch = 4});
  ASSERT_TRUE(opened);
  auto socket = std::make_unique<ReceivingSocket>(std::move(*opened));
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  auto const request = encode_family_request("nlctrl");
  for (int i = 0; i < 2; ++i) {
    ASSERT_GT(::sendto(socket->fd(), request->data(), request->size(), 0, reinterpret_cast<sockaddr const*>(&kernel),
                       sizeof kernel),
              0);
  }
  int messages = 0;
  auto const outcome = socket->receive([&](Message const& message) {
    ++messages;
    socket.reset();
    return decode_family(message).has_value() && socket != nullptr;
  });
  ASSERT_TRUE(outcome);
  EXPECT_EQ(*outcome, ReceivingSocket::Outcome::stopped);
  EXPECT_EQ(messages, 1);
}

} // namespace
} // namespace weave::datapath::netlink
