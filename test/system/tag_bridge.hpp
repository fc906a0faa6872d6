#pragma once

#include <array>
#include <atomic>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

#include "datapath/fastpath/user_tag.hpp"
#include "test/system/container_traffic.hpp"
#include "test/system/packet_socket.hpp"

namespace weave::test {

/// Stands in for a kernel fast path that knows one other peer, by sleeve: what the container of `host` sends goes to
/// the user port with that peer's tag, what comes out with its tag goes to the container. Works while it exists.
class TagBridge {
 public:
  TagBridge(WorkerHost const& host, ShortId other)
      : container_{*host.net, "vethwlguest"},
        user_port_{*host.net, "vethwe-user"},
        tag_{datapath::delivery_tag(other)},
        stop_{::eventfd(0, EFD_CLOEXEC)},
        thread_{[this] { run(); }} {}
  ~TagBridge() {
    std::uint64_t const one = 1;
    EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    thread_.join();
  }
  TagBridge(TagBridge const&) = delete;
  TagBridge& operator=(TagBridge const&) = delete;

  /// Frames that came out of the user port with another tag or none.
  [[nodiscard]] std::uint64_t foreign() const { return foreign_.load(); }

 private:
  void run() {
    std::array<pollfd, 3> sources{{{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                                   {.fd = container_.fd(), .events = POLLIN, .revents = 0},
                                   {.fd = user_port_.fd(), .events = POLLIN, .revents = 0}}};
    while (::poll(sources.data(), sources.size(), -1) >= 0 && sources[0].revents == 0) {
      if (sources[1].revents != 0) capture();
      if (sources[2].revents != 0) deliver();
    }
  }
  void capture() {
    auto frame = container_.next(0);
    if (!frame) return;
    bool const group = (frame->bytes[0] & 1) != 0;
    frame->bytes.insert(frame->bytes.begin() + 12, tag_.begin(), tag_.end());
    if (group) frame->bytes[14] |= datapath::kTagFloodedBit >> 8;
    if (frame->header.needs_checksum()) frame->header.checksum_start += 4;
    if (frame->header.is_super_frame()) frame->header.header_length += 4;
    (void)user_port_.send(frame->bytes, frame->header);
  }
  void deliver() {
    auto frame = user_port_.next(0);
    if (!frame) return;
    auto const place = frame->bytes.begin() + 12;
    if (frame->bytes.size() < 18 || !std::equal(tag_.begin(), tag_.end(), place)) {
      ++foreign_;
      return;
    }
    frame->bytes.erase(place, place + 4);
    if (frame->header.needs_checksum()) frame->header.checksum_start -= 4;
    if (frame->header.is_super_frame()) frame->header.header_length -= 4;
    (void)container_.send(frame->bytes, frame->header);
  }

  PacketSocket container_;
  PacketSocket user_port_;
  std::array<std::uint8_t, datapath::kVlanTagSize> tag_;
  UniqueFd stop_;
  std::atomic<std::uint64_t> foreign_{0};
  std::thread thread_;
};

} // namespace weave::test
