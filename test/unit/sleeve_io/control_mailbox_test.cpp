#include "datapath/tunnel/io/control_mailbox.hpp"

#include <deque>
#include <vector>

#include <gtest/gtest.h>

namespace weave::datapath {
namespace {

struct Mailbox : testing::Test {
  std::deque<std::function<void()>> posted;
  std::vector<std::size_t> specials;
  std::vector<std::uint32_t> path_mtus;
  std::vector<std::string> errors;
  std::shared_ptr<ControlMailbox> mailbox = std::make_shared<ControlMailbox>(
      SleeveEvents{.on_special = [this](PeerName, Ipv4Endpoint, SleeveChannel, Bytes frame,
                                        TimePoint) { specials.push_back(frame.size()); },
                   .on_too_big = [this](PeerName, ConnectionUid, std::uint32_t mtu) { path_mtus.push_back(mtu); },
                   .on_send_error = [this](PeerName, ConnectionUid, Error error) { errors.push_back(error.text()); }},
      [this](std::function<void()> call) { posted.push_back(std::move(call)); });

  bool special(std::size_t size) { return mailbox->special(PeerName{1}, {}, SleeveChannel::df, Bytes(size), {}); }
  void run() {
    while (!posted.empty()) {
      posted.front()();
      posted.pop_front();
    }
  }
};

TEST_F(Mailbox, DeliversInOrder) {
  EXPECT_TRUE(special(22));
  EXPECT_TRUE(mailbox->too_big(PeerName{1}, {}, 1400));
  EXPECT_TRUE(special(23));
  EXPECT_TRUE(mailbox->send_error(PeerName{1}, {}, Error{ErrorKind::system, "no"}));
  EXPECT_TRUE(specials.empty()) << "only on the control thread";
  run();
  EXPECT_EQ(specials, (std::vector<std::size_t>{22, 23}));
  EXPECT_EQ(path_mtus, std::vector<std::uint32_t>{1400});
  EXPECT_EQ(errors, std::vector<std::string>{"no"});
}

TEST_F(Mailbox, IsBoundedAndRecovers) {
  for (std::size_t i = 0; i < ControlMailbox::kPending; ++i) EXPECT_TRUE(special(22));
  EXPECT_FALSE(special(22));
  EXPECT_FALSE(mailbox->too_big(PeerName{1}, {}, 1400));
  run();
  EXPECT_EQ(specials.size(), ControlMailbox::kPending);
  EXPECT_TRUE(special(22));
}

TEST_F(Mailbox, WhatHappensOnceIsToldAlsoWhenItIsFull) {
  while (special(22)) {
  }
  bool told = false;
  mailbox->call([&] { told = true; });
  run();
  EXPECT_TRUE(told);
  EXPECT_TRUE(special(22));
}

TEST_F(Mailbox, DeliversNothingAfterCloseAndMayBeDroppedBefore) {
  EXPECT_TRUE(special(22));
  mailbox->close();
  mailbox.reset();
  run();
  EXPECT_TRUE(specials.empty());
}

TEST(MailboxWithoutHandlers, SwallowsEvents) {
  auto const mailbox = std::make_shared<ControlMailbox>(SleeveEvents{}, [](std::function<void()>) { FAIL(); });
  EXPECT_TRUE(mailbox->special(PeerName{1}, {}, SleeveChannel::df, Bytes(22), {}));
  EXPECT_TRUE(mailbox->too_big(PeerName{1}, {}, 1400));
}

} // namespace
} // namespace weave::datapath
