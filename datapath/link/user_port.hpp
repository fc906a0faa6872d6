#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "datapath/link/links.hpp"
#include "datapath/packet/headers.hpp"
#include "datapath/packet/offload.hpp"

namespace weave::datapath {

/// What the kernel may leave to us in frames that it hands out.
struct UserPortOffloads {
  bool checksum = false;
  bool tcp_segmentation = false;
  bool udp_segmentation = false;

  friend bool operator==(UserPortOffloads const&, UserPortOffloads const&) = default;
};

/// One frame as read, up to 64 KiB of TCP or UDP payload when it is a super-frame.
struct CapturedFrame {
  OffloadHeader header;
  /// Within the buffer that was given to read(). Empty: nothing is waiting.
  std::span<std::uint8_t> bytes;
};

/// Where the kernel's end of the user port is plugged in.
enum class UserPortPlace : std::uint8_t {
  bridge,       ///< a port of the overlay bridge
  free_standing ///< nowhere: a kernel fast path plugs it in. Without IPv6, so that only what is sent to it comes out
};

/// The port through which frames enter and leave the user-space tunnel: a TAP device with IFF_VNET_HDR. It lives as
/// long as this object (or its process) and takes the bridge's learned addresses with it. One thread at a time reads,
/// and it need not be that of open(); nothing blocks.
class UserPort {
 public:
  /// Largest frame that read() may return: with a VLAN tag of its own, and two of a kernel fast path.
  static constexpr std::size_t kFrameMax = kEthernetHeaderSize + 3 * kVlanTagSize + 65535;
  static constexpr std::size_t kPartsMax = 80;
  using Tag = std::span<std::uint8_t const, kVlanTagSize>;

  struct Config {
    std::string name = "vethwe-user";
    /// Of no meaning to a free-standing port.
    std::string bridge = "weave";
    UserPortPlace place = UserPortPlace::bridge;
    /// Whether the kernel may leave to us what it can.
    bool offloads = true;
  };

  /// Makes the device, plugs it in and brings it up. already_exists when another process holds the name.
  [[nodiscard]] static Result<UserPort> open(Links& links, Config const& config);

  /// Moves the device to another place, whoever uses it at that moment.
  [[nodiscard]] static Result<void> put(Links& links, Config const& config);

  /// Puts right what others have changed of the device: that it is down, has another MTU, or lost its place in the
  /// bridge (not where a free-standing one is plugged in). The words for what was wrong; empty: nothing, or device or
  /// bridge are not there.
  [[nodiscard]] static Result<std::string> mend(Links& links, Config const& config);

  /// A port whose kernel end is played by whoever has the other end of this descriptor: a frame is a datagram behind an
  /// offload header.
  [[nodiscard]] static UserPort of_descriptor(UniqueFd fd, UserPortOffloads offloads) {
    return UserPort{std::move(fd), offloads};
  }

  /// Takes the next frame into `buffer` (at least kFrameMax bytes).
  [[nodiscard]] Result<CapturedFrame> read(std::span<std::uint8_t> buffer);
  /// Injects one complete frame of 14 bytes or more, or a super-frame, in at most kPartsMax parts; super-frames of UDP
  /// only if offloads() has their segmentation. unavailable when the kernel is out of buffers. From any thread.
  [[nodiscard]] Result<void> write(OffloadHeader const& header, std::span<ByteView const> parts);
  /// The same with a VLAN tag put before the frame's type. The first part contains the addresses.
  [[nodiscard]] Result<void> write(OffloadHeader header, std::span<ByteView const> parts, Tag tag);
  [[nodiscard]] Result<void> write(ByteView frame) { return write({}, {&frame, 1}); }
  [[nodiscard]] Result<void> write(ByteView frame, Tag tag) { return write({}, {&frame, 1}, tag); }

  /// For polling.
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] UserPortOffloads const& offloads() const { return offloads_; }

 private:
  struct Gather;

  UserPort(UniqueFd fd, UserPortOffloads offloads) : fd_{std::move(fd)}, offloads_{offloads} {}
  [[nodiscard]] Result<void> write_all(Gather const& gather);

  UniqueFd fd_;
  UserPortOffloads offloads_;
};

} // namespace weave::datapath
