#include "datapath/tunnel/io/send_batch.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/udp.h>

#include "datapath/tunnel/io/socket_address.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"

namespace weave::datapath {

namespace {

constexpr std::size_t kCacheLine = 64;

template <class T>
cmsghdr* put_control(cmsghdr* at, int level, int type, T const& value) {
  at->cmsg_level = level;
  at->cmsg_type = type;
  at->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(at), &value, sizeof value);
  return reinterpret_cast<cmsghdr*>(reinterpret_cast<std::uint8_t*>(at) + CMSG_SPACE(sizeof value));
}

bool same_place(SendBatch::Target const& a, SendBatch::Target const& b) { return a.to == b.to && a.from == b.from; }

/// Of a datagram in segments: it may pass in single packets.
bool refuses_segments(int error) { return error == EMSGSIZE || error == EINVAL || error == EIO || error == EOPNOTSUPP; }

} // namespace

SendBatch::SendBatch(bool segmentation)
    : segmentation_{segmentation},
      memory_{std::make_unique_for_overwrite<std::uint8_t[]>(kMemory)},
      slots_(kSlots),
      parts_(kSlots),
      runs_(kSlots),
      messages_(kSlots) {
  order_.reserve(kSlots);
}

std::optional<std::size_t> SendBatch::take(Target const& target, std::size_t capacity) {
  if (used_ == kSlots || capacity > kMemory - filled_) return std::nullopt;
  slots_[used_] = {.target = target, .offset = filled_, .capacity = capacity, .size = 0};
  filled_ = std::min(kMemory, (filled_ + capacity + kCacheLine - 1) / kCacheLine * kCacheLine);
  return used_++;
}

void SendBatch::send(SleeveSockets const& sockets, Outcome const& outcome) {
  if (used_ == 0) return;
  for (auto const channel : {SleeveChannel::df, SleeveChannel::fragmentable}) {
    send_slots(channel, sockets.fd(channel), outcome);
  }
  used_ = filled_ = 0;
}

void SendBatch::send(int fd, Outcome const& outcome) {
  if (used_ == 0) return;
  send_slots(std::nullopt, fd, outcome);
  used_ = filled_ = 0;
}

void SendBatch::send_slots(std::optional<SleeveChannel> channel, int fd, Outcome const& outcome) {
  order_.clear();
  for (std::size_t slot = 0; slot < used_; ++slot) {
    if (slots_[slot].size == 0 || (channel && slots_[slot].target.channel != *channel)) continue;
    parts_[order_.size()] = {.iov_base = buffer(slot).data(), .iov_len = slots_[slot].size};
    order_.push_back(slot);
  }
  if (order_.empty()) return;
  if (pause_ > 0) --pause_;
  send_runs(make_runs(0, order_.size(), segmentation_ && pause_ == 0), fd, outcome);
}

/// How many payloads from this one on the kernel takes as one datagram.
std::size_t SendBatch::run_length(std::size_t first) const {
  auto const& head = slots_[order_[first]];
  if (head.size > head.target.longest_segment) return 1;
  std::size_t count = 1;
  for (auto total = head.size; first + count < order_.size() && count < kSegments; ++count) {
    auto const& next = slots_[order_[first + count]];
    total += next.size;
    if (next.size > head.size || total > kMaxUdpPayload || !same_place(next.target, head.target)) break;
    if (next.size > next.target.longest_segment) break;
    if (next.size < head.size) return count + 1;
  }
  return count;
}

std::size_t SendBatch::make_runs(std::size_t first, std::size_t end, bool segmented) {
  std::size_t runs = 0;
  while (first < end) {
    runs_[runs].first = first;
    runs_[runs].count = segmented ? run_length(first) : 1;
    first += runs_[runs].count;
    fill(runs++);
  }
  return runs;
}

void SendBatch::fill(std::size_t index) {
  auto& run = runs_[index];
  auto const& head = slots_[order_[run.first]];
  run.address = to_sockaddr(head.target.to);
  auto& header = (messages_[index] = {}).msg_hdr;
  header.msg_name = &run.address;
  header.msg_namelen = sizeof run.address;
  header.msg_iov = &parts_[run.first];
  header.msg_iovlen = run.count;
  auto* const begin = reinterpret_cast<cmsghdr*>(run.control);
  auto* end = begin;
  if (!head.target.from.is_unspecified()) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = htonl(head.target.from.value());
    end = put_control(end, IPPROTO_IP, IP_PKTINFO, info);
  }
  if (run.count > 1) end = put_control(end, SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(head.size));
  if (end == begin) return;
  header.msg_control = begin;
  header.msg_controllen = static_cast<std::size_t>(reinterpret_cast<std::uint8_t*>(end) - run.control);
}

void SendBatch::send_runs(std::size_t runs, int fd, Outcome const& outcome) {
  std::size_t done = 0;
  while (done < runs) {
    int const sent = ::sendmmsg(fd, messages_.data() + done, static_cast<unsigned>(runs - done), 0);
    ++calls_;
    if (sent < 0 && errno == EINTR) continue;
    // An error is reported for the first packet only; those behind it are tried again.
    int const error = sent < 0 ? errno : 0;
    if (error != 0 && runs_[done].count > 1 && refuses_segments(error)) {
      // Its own messages overwrite ours.
      auto const next = runs_[done].first + runs_[done].count;
      auto const before = datagrams_;
      send_singly(runs_[done], fd, outcome);
      // It is not the packets that the kernel does not like.
      if (error != EMSGSIZE && datagrams_ > before) pause_ = kPause;
      return send_runs(make_runs(next, order_.size(), segmentation_ && pause_ == 0), fd, outcome);
    }
    auto settled = sent < 0 ? std::size_t{1} : static_cast<std::size_t>(sent);
    // No buffer space in the whole time limit: waiting again for each packet would stop the worker.
    if (error == EAGAIN) settled = runs - done;
    for (std::size_t i = 0; i < settled; ++i) settle(runs_[done++], error, outcome);
  }
}

void SendBatch::send_singly(Run const& run, int fd, Outcome const& outcome) {
  auto const first = run.first;
  send_runs(make_runs(first, first + run.count, false), fd, outcome);
}

void SendBatch::settle(Run const& run, int error, Outcome const& outcome) {
  if (error == 0) ++datagrams_;
  for (std::size_t i = run.first; i < run.first + run.count; ++i) outcome(order_[i], slots_[order_[i]].target, error);
}

} // namespace weave::datapath
