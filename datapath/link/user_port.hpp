#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "datapath/link/links.hpp"
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

/// The bridge port through which frames enter and leave the user-space tunnel: a TAP device with IFF_VNET_HDR. It
/// lives as long as this object (or its process) and takes the bridge's learned addresses with it. read and write may
/// be used from another thread than open(), one thread at a time each; they never block.
class UserPort {
 public:
  /// Largest frame that read() may return.
  static constexpr std::size_t kFrameMax = 14 + 4 + 65535;

  struct Config {
    std::string name = "vethwe-user";
    std::string bridge = "weave";
  };

  /// Makes the device, plugs it into the bridge and brings it up. already_exists when another process holds the name.
  [[nodiscard]] static Result<UserPort> open(Links& links, Config const& config);

  /// Takes the next frame into `buffer` (at least kFrameMax bytes).
  [[nodiscard]] Result<CapturedFrame> read(std::span<std::uint8_t> buffer);
  /// Injects one complete frame of 14 bytes or more. unavailable when the kernel is out of buffers.
  [[nodiscard]] Result<void> write(ByteView frame);

  /// For polling.
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] UserPortOffloads const& offloads() const { return offloads_; }

 private:
  UserPort(UniqueFd fd, UserPortOffloads offloads) : fd_{std::move(fd)}, offloads_{offloads} {}

  UniqueFd fd_;
  UserPortOffloads offloads_;
};

} // namespace weave::datapath
