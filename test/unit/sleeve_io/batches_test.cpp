#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/unique_fd.hpp"
#include "datapath/tunnel/io/receive_batch.hpp"
#include "datapath/tunnel/io/send_batch.hpp"
#include "datapath/tunnel/io/socket_address.hpp"

namespace weave::datapath {
namespace {

constexpr Ipv4Address kLoopback{0x7f000001};

using Payloads = std::vector<std::string>;

class Batches : public testing::Test {
 protected:
  Batches() : sender_{open()}, receiver_{open()} {}

  static SleeveSockets open() {
    auto sockets = SleeveSockets::open({.address = kLoopback, .port = 0});
    EXPECT_TRUE(sockets);
    return std::move(*sockets);
  }
  [[nodiscard]] SendBatch::Target target(SleeveChannel channel = SleeveChannel::df) const {
    auto const port = local_port(receiver_.fd(SleeveChannel::fragmentable));
    return {.channel = channel, .to = {.address = kLoopback, .port = port}, .from = kLoopback};
  }
  static void put(SendBatch& batch, SendBatch::Target const& target, std::string const& payload) {
    auto const slot = batch.take(target, payload.size() + 100);
    ASSERT_TRUE(slot);
    std::ranges::copy(payload, batch.buffer(*slot).begin());
    batch.set_size(*slot, payload.size());
  }
  /// Sends; the outcomes in order.
  std::vector<int> send(SendBatch& batch) {
    std::vector<int> errors;
    batch.send(sender_, [&](std::size_t, SendBatch::Target const&, int error) { errors.push_back(error); });
    EXPECT_EQ(batch.used(), 0U);
    return errors;
  }
  Payloads receive(std::size_t count) {
    ReceiveBatch batch;
    Payloads payloads;
    pollfd waiting{.fd = receiver_.fd(SleeveChannel::fragmentable), .events = POLLIN, .revents = 0};
    while (payloads.size() < count && ::poll(&waiting, 1, 2000) > 0) {
      auto const runs = batch.receive(waiting.fd);
      for (std::size_t i = 0; i < runs; ++i) {
        auto run = batch.run(i);
        while (auto const packet = run.next()) payloads.emplace_back(packet->begin(), packet->end());
      }
    }
    return payloads;
  }

  SleeveSockets sender_;
  SleeveSockets receiver_;
};

TEST_F(Batches, EqualPayloadsLeaveAsOneDatagram) {
  ASSERT_TRUE(sender_.segmentation());
  SendBatch batch{true};
  Payloads sent;
  for (char c = 'a'; c < 'k'; ++c) sent.emplace_back(1000, c);
  sent.emplace_back(10, 'k'); // the last of a run may be shorter
  sent.emplace_back(10, 'l');
  sent.emplace_back(2000, 'm');
  for (auto const& payload : sent) put(batch, target(), payload);
  EXPECT_EQ(send(batch), std::vector<int>(sent.size(), 0));
  EXPECT_EQ(batch.datagrams(), 3U);
  EXPECT_EQ(batch.calls(), 1U);
  EXPECT_EQ(receive(sent.size()), sent);
}

TEST_F(Batches, ADatagramIsNotTooLong) {
  SendBatch batch{true};
  Payloads sent(10, std::string(20'000, 'x'));
  for (auto const& payload : sent) put(batch, target(), payload);
  EXPECT_EQ(send(batch), std::vector<int>(sent.size(), 0));
  EXPECT_EQ(batch.datagrams(), 4U) << "three payloads of 20000 bytes each, but not four";
  EXPECT_EQ(receive(sent.size()), sent);
}

TEST_F(Batches, ChannelsAndAddressesAreKeptApart) {
  SendBatch batch{true};
  auto elsewhere = target();
  elsewhere.to.port = local_port(sender_.fd(SleeveChannel::fragmentable));
  put(batch, target(), "one");
  put(batch, target(SleeveChannel::fragmentable), "two");
  put(batch, elsewhere, "six");
  put(batch, target(), "ten");
  EXPECT_EQ(send(batch), std::vector<int>(4, 0));
  EXPECT_EQ(batch.datagrams(), 4U);
  EXPECT_EQ(receive(3), (Payloads{"one", "ten", "two"}));
}

TEST_F(Batches, WhatIsBeyondThePathLeavesAlone) {
  SendBatch batch{true};
  auto const limited = [this] {
    auto target = this->target();
    target.longest_segment = 50;
    return target;
  }();
  for (int i = 0; i < 3; ++i) put(batch, limited, std::string(60, 'x'));
  EXPECT_EQ(send(batch), std::vector<int>(3, 0));
  EXPECT_EQ(batch.datagrams(), 3U);
}

TEST_F(Batches, WithoutSegmentationEachIsADatagram) {
  SendBatch batch;
  for (int i = 0; i < 3; ++i) put(batch, target(), "abc");
  EXPECT_EQ(send(batch), std::vector<int>(3, 0));
  EXPECT_EQ(batch.datagrams(), 3U);
  EXPECT_EQ(receive(3), Payloads(3, "abc"));
}

TEST_F(Batches, AFailureIsItsOwn) {
  SendBatch batch{true};
  auto nowhere = target();
  nowhere.to.port = 0; // the kernel refuses it
  put(batch, target(), "abc");
  put(batch, nowhere, "abc");
  put(batch, nowhere, "abc");
  put(batch, target(), "abc");
  EXPECT_EQ(send(batch), (std::vector<int>{0, EINVAL, EINVAL, 0}));
  EXPECT_EQ(receive(2), Payloads(2, "abc"));
  auto const before = batch.datagrams();
  for (int i = 0; i < 3; ++i) put(batch, target(), "abc");
  EXPECT_EQ(send(batch), std::vector<int>(3, 0));
  EXPECT_EQ(batch.datagrams() - before, 1U) << "others go on in segments";
}

TEST_F(Batches, WhereSegmentsAreRefusedPacketsPassSinglyForAWhile) {
  UniqueFd const socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  // The kernel makes no segments without checksums.
  int unchecked = 1;
  ASSERT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_NO_CHECK, &unchecked, sizeof unchecked), 0);
  SendBatch batch{true};
  auto const send_two = [&] {
    auto const before = batch.datagrams();
    for (int i = 0; i < 2; ++i) put(batch, target(), "abc");
    batch.send(socket.get(), [](std::size_t, SendBatch::Target const&, int error) { EXPECT_EQ(error, 0); });
    return batch.datagrams() - before;
  };
  EXPECT_EQ(send_two(), 2U);
  EXPECT_EQ(receive(2), Payloads(2, "abc"));
  unchecked = 0;
  ASSERT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_NO_CHECK, &unchecked, sizeof unchecked), 0);
  auto const calls = batch.calls();
  EXPECT_EQ(send_two(), 2U) << "not tried again at once";
  EXPECT_EQ(batch.calls() - calls, 1U);
  int pause = 0;
  while (pause < 5000 && send_two() == 2U) ++pause;
  EXPECT_GT(pause, 100);
  EXPECT_LT(pause, 5000) << "never tried again";
}

TEST_F(Batches, ASlotIsRefusedWhenThereIsNoRoom) {
  SendBatch batch;
  std::size_t taken = 0;
  while (batch.take(target(), 65'507)) ++taken;
  EXPECT_GE(taken, 2U);
  EXPECT_EQ(send(batch), std::vector<int>{}) << "empty slots are left out";
  taken = 0;
  while (batch.take(target(), 1)) ++taken;
  EXPECT_EQ(taken, SendBatch::kSlots);
}

TEST(ReceivedRun, IsCutAtTheSegmentLength) {
  Bytes bytes(25, 1);
  std::vector<std::size_t> sizes;
  ReceivedRun run{{}, bytes, 10};
  while (auto const packet = run.next()) sizes.push_back(packet->size());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{10, 10, 5}));
  ReceivedRun single{{}, bytes, 0};
  EXPECT_EQ(single.next()->size(), 25U);
  EXPECT_FALSE(single.next());
  ReceivedRun empty{{}, {}, 0};
  EXPECT_TRUE(empty.next()->empty());
  EXPECT_FALSE(empty.next());
}

} // namespace
} // namespace weave::datapath
