#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/logger.hpp"
#include "base/scheduler.hpp"

namespace weave::controller::dns {

/// Host and port of a server, or where we listen. IPv6 addresses without brackets.
struct SocketAddress {
  std::string host;
  std::uint16_t port = 53;

  /// `host:port`, IPv6 in brackets.
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(SocketAddress const&, SocketAddress const&) = default;
};

/// The servers of a resolv.conf in its order: second words of `nameserver` lines, any number, whatever they are;
/// comments and other lines ignored. Left out are those that stand in `own`.
[[nodiscard]] std::vector<std::string> parse_resolver_file(std::string_view content,
                                                           std::vector<std::string> const& own);

/// A resolv.conf and what it says now: looked at when asked, at most every five seconds, and read when the file is
/// another or has changed. While it cannot be read, the last good list stays. Blocks for the reading of a small local
/// file. Control thread only.
class ResolverFile {
 public:
  static constexpr Duration kInterval = std::chrono::seconds{5};

  /// An empty path: no servers. `own`: addresses not to be asked, since they are ours.
  ResolverFile(Scheduler& scheduler, std::string path, std::vector<std::string> own, Logger log = {})
      : scheduler_{scheduler}, path_{std::move(path)}, own_{std::move(own)}, log_{std::move(log)} {}

  /// Valid until the next call.
  [[nodiscard]] std::vector<SocketAddress> const& servers();

 private:
  struct Version {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = -1;
    std::int64_t modified = 0;
    friend bool operator==(Version const&, Version const&) = default;
  };

  void look();

  Scheduler& scheduler_;
  std::string path_;
  std::vector<std::string> own_;
  Logger log_;
  std::vector<SocketAddress> servers_;
  Version version_;
  TimePoint next_look_{};
  bool complained_ = false;
};

} // namespace weave::controller::dns
