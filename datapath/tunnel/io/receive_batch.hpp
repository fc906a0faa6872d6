#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath {

/// What came from one address as a whole: packets of one length, the last may be shorter (UDP_GRO).
class ReceivedRun {
 public:
  /// `segment`: the packets' length; 0: it is a single one. Empty bytes are one empty packet.
  ReceivedRun(Ipv4Endpoint from, MutableBytes bytes, std::size_t segment)
      : from_{from}, rest_{bytes}, segment_{segment == 0 ? bytes.size() : segment} {}

  [[nodiscard]] Ipv4Endpoint from() const { return from_; }
  /// The next packet, to be decrypted in place; none after the last.
  [[nodiscard]] std::optional<MutableBytes> next() {
    if (done_) return std::nullopt;
    auto const packet = rest_.first(std::min(segment_, rest_.size()));
    rest_ = rest_.subspan(packet.size());
    done_ = rest_.empty();
    return packet;
  }

 private:
  Ipv4Endpoint from_;
  MutableBytes rest_;
  std::size_t segment_;
  bool done_ = false;
};

/// UDP payloads that arrived together. All memory is taken at construction. One thread.
class ReceiveBatch {
 public:
  static constexpr std::size_t kSlots = 32;
  static constexpr std::size_t kSlotBytes = 65536;

  /// Takes up to `limit` runs with one system call.
  explicit ReceiveBatch(std::size_t limit = kSlots);
  ReceiveBatch(ReceiveBatch const&) = delete;
  ReceiveBatch& operator=(ReceiveBatch const&) = delete;

  /// Takes what is waiting, up to the limit, replacing the former ones; how many runs. Errors count as none.
  std::size_t receive(int fd);
  [[nodiscard]] std::size_t limit() const { return limit_; }
  [[nodiscard]] ReceivedRun run(std::size_t slot) const;

 private:
  /// Not a power of two, or all packets would fall on the same few lines of the cache.
  static constexpr std::size_t kStride = kSlotBytes + 2112;

  struct Slot {
    sockaddr_in address{};
    iovec part{};
    alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(int))] = {};
  };

  std::size_t limit_;
  std::unique_ptr<std::uint8_t[]> memory_;
  std::vector<Slot> slots_;
  std::vector<mmsghdr> messages_;
};

} // namespace weave::datapath
