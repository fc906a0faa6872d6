// A new process on the programs and maps of the one before.
#include <atomic>
#include <bpf/bpf.h>
#include <chrono>
#include <thread>

#include "datapath/bpf/kernel_layout.h"
#include "test/system/bpf_kernel.hpp"

namespace weave::test {
namespace {

using datapath::bpf::TcHook;

TEST_F(BpfKernel, AdoptionKeepsProgramsThatAreTheSame) {
  build(2);
  lab.mesh();
  lab.introduce();
  auto const egress = program_on(a(), TcHook::egress);
  auto const ingress = program_on(a(), TcHook::ingress);
  a().crash();
  EXPECT_EQ(program_on(a(), TcHook::egress), egress);
  WEAVE_ASSERT_OK(a().open());
  a().apply(a().state);
  EXPECT_EQ(program_on(a(), TcHook::egress), egress);
  EXPECT_EQ(program_on(a(), TcHook::ingress), ingress);
  EXPECT_EQ(statistic(a(), "MapWrites"), 2U) << "the new user port's number, and the configuration once as it is";
}

/// A thousand frames a second from one container to another, until stop(): how many were sent and how many came.
class Stream {
 public:
  Stream(FastPathHost& from, FastPathHost& to)
      : from_{from}, to_{to}, sender_{[this] { send(); }}, receiver_{[this] { receive(); }} {}
  ~Stream() { stop(); }
  Stream(Stream const&) = delete;
  Stream& operator=(Stream const&) = delete;

  void stop() {
    sending_ = false;
    if (sender_.joinable()) sender_.join();
    receiving_ = false;
    if (receiver_.joinable()) receiver_.join();
  }
  [[nodiscard]] int sent() const { return sent_; }
  [[nodiscard]] int received() const { return received_; }

 private:
  void send() {
    auto next = std::chrono::steady_clock::now();
    while (sending_) {
      from_.send(to_.mac());
      ++sent_;
      std::this_thread::sleep_until(next += std::chrono::milliseconds{1});
    }
  }
  void receive() {
    while (auto const frame = to_.inside->next(receiving_ ? 100 : 30)) {
      if (is_test_frame(frame->bytes)) ++received_;
    }
  }

  FastPathHost& from_;
  FastPathHost& to_;
  std::atomic<bool> sending_{true};
  std::atomic<bool> receiving_{true};
  std::atomic<int> sent_{0};
  std::atomic<int> received_{0};
  std::thread sender_;
  std::thread receiver_;
};

TEST_F(BpfKernel, ACrashAndARestartLoseNothing) {
  build(2);
  lab.mesh();
  lab.introduce();
  auto const state = a().state;
  auto settling = state;
  settling.peers.erase(b().id);
  settling.neighbours.clear();
  settling.next_hops.clear();
  settling.floods.clear();
  settling.settling = true;
  Stream out{a(), b()};
  Stream in{b(), a()};
  for (int round = 0; round < 5; ++round) {
    a().crash();
    (void)lab.loop.run_until([] { return false; }, std::chrono::milliseconds{50});
    WEAVE_ASSERT_OK(a().open());
    a().apply(settling);
    (void)lab.loop.run_until([] { return false; }, std::chrono::milliseconds{50});
    a().apply(state);
  }
  out.stop();
  in.stop();
  EXPECT_GT(out.sent(), 500);
  EXPECT_EQ(out.received(), out.sent());
  EXPECT_EQ(in.received(), in.sent());
}

TEST_F(BpfKernel, ProgramsOfAnotherLayoutForwardUntilTheFirstState) {
  build(2);
  lab.mesh();
  lab.introduce();
  auto const old = program_on(a(), TcHook::egress);
  a().crash();
  {
    auto maps = datapath::bpf::open_maps(*datapath::bpf::find_program(old));
    std::uint32_t const key = 0;
    ::weave_conf conf{};
    ASSERT_EQ(::bpf_map_lookup_elem(maps.at("weave_conf").get(), &key, &conf), 0);
    conf.layout = 999;
    ASSERT_EQ(::bpf_map_update_elem(maps.at("weave_conf").get(), &key, &conf, 0), 0);
  }
  WEAVE_ASSERT_OK(a().open());
  EXPECT_EQ(program_on(a(), TcHook::egress), old);
  a().send(b().mac());
  EXPECT_EQ(b().received(1), 1);
  b().send(a().mac());
  EXPECT_EQ(a().received(1), 1);
  a().apply(a().state);
  EXPECT_NE(program_on(a(), TcHook::egress), old);
  EXPECT_EQ(a().place_of(b().mac()), b().peer) << "what was learned came along";
  a().send(b().mac());
  b().send(a().mac());
  EXPECT_EQ(b().received(1), 1);
  EXPECT_EQ(a().received(1), 1);
  EXPECT_EQ(statistic(a(), "FramesFlooded"), 0U);
}

} // namespace
} // namespace weave::test
