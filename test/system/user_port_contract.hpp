#pragma once

#include "test/system/fast_path_cluster.hpp"

/// What any FastPath does at its user port; a part of FastPathContract.
namespace weave::test {

TEST_P(FastPathContract, SuperFramesReachTheUserPortIntact) {
  lab.mesh();
  lab.introduce();
  auto state = a().state;
  state.neighbours[b().id].carrier = datapath::Carrier::user;
  a().apply(state);
  // Of an unknown pair the first may go through user space, in parts.
  a().send(b().mac());
  ASSERT_TRUE(a().from_user_port());
  auto const [header, frame] = super_frame(b().mac(), a().mac(), 30'000);
  ASSERT_TRUE(a().inside->send(frame, header));
  auto taken = a().from_user_port(2000, 0x0800);
  EXPECT_EQ(tag_of(taken), tag_for(b().id));
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->header.is_super_frame());
  EXPECT_EQ(taken->header.gso_size, 1336);
  EXPECT_EQ(taken->bytes.size(), frame.size());
  EXPECT_TRUE(std::equal(frame.begin() + 54, frame.end(), taken->bytes.begin() + 54));
}

TEST_P(FastPathContract, ARelayToTheUserPortNamesBothPeers) {
  lab.chain();
  lab.introduce();
  auto state = b().state;
  state.neighbours[c().id].carrier = datapath::Carrier::user;
  b().apply(state);
  a().send(c().mac());
  auto frame = b().from_user_port();
  EXPECT_EQ(tag_of(frame), tag_for(c().id, a().id));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->bytes, test_frame(c().mac(), a().mac()));
  EXPECT_EQ(c().received(0), 0);

  // Passing on is both: delivered here and handed over for there.
  a().send(kEverybody);
  EXPECT_EQ(b().received(1), 1);
  frame = b().from_user_port();
  EXPECT_EQ(tag_of(frame), flooded(tag_for(c().id, a().id)));
}

TEST_P(FastPathContract, FramesFromTheUserPortAreDeliveredAndLearned) {
  lab.mesh();
  auto const remote = *MacAddress::parse("02:00:00:00:00:cc");
  auto const frame = test_frame(kEverybody, remote);
  auto const tag = datapath::delivery_tag(c().id);
  if (!GetParam().learns_from_user_port) {
    EXPECT_EQ(a().path->macs().record_remote(remote, c().peer, lab.loop.scheduler().now()), datapath::MacChange::added);
  }
  WEAVE_ASSERT_OK(a().user->write(frame, tag));
  auto const frames = a().frames(1);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0], frame);
  EXPECT_EQ(a().place_of(remote), c().peer);
  EXPECT_EQ(b().received(0), 0) << "the worker passes on, not the kernel";
  EXPECT_FALSE(a().from_user_port(30));
  // The answer goes to that peer by its carrier.
  a().send(remote);
  EXPECT_EQ(c().received(1), 1);
  // It is told apart from a local container that takes the address over.
  a().send_from(remote, kEverybody);
  EXPECT_EQ(b().received(1), 1);
  EXPECT_EQ(c().received(1), 1);
  EXPECT_EQ(a().place_of(remote), a().peer);
}

TEST_P(FastPathContract, ANewUserPortTakesTheOldOnesPlace) {
  lab.mesh();
  lab.introduce();
  auto state = a().state;
  state.neighbours[b().id].carrier = datapath::Carrier::user;
  a().apply(state);
  a().user.reset();
  WEAVE_ASSERT_OK(a().net->run([&] { return a().open_user_port(); }));
  a().send(b().mac());
  auto frame = a().from_user_port();
  EXPECT_EQ(tag_of(frame), tag_for(b().id));
  WEAVE_ASSERT_OK(a().user->write(test_frame(a().mac(), b().mac()), datapath::delivery_tag(b().id)));
  EXPECT_EQ(a().received(1), 1);
}

TEST_P(FastPathContract, AnAdoptedUserPortIsReplaced) {
  lab.mesh();
  lab.introduce();
  auto state = a().state;
  state.neighbours[b().id].carrier = datapath::Carrier::user;
  a().apply(state);
  a().send(b().mac());
  ASSERT_TRUE(a().from_user_port());
  a().crash();
  WEAVE_ASSERT_OK(a().open());
  a().send(b().mac());
  auto frame = a().from_user_port();
  EXPECT_EQ(tag_of(frame), tag_for(b().id));
}

} // namespace weave::test
