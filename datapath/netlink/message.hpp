#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weave::datapath::netlink {

/// A message of a datagram that was received; refers to it.
struct Message {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  /// Whose request it belongs to; 0: nobody's.
  std::uint32_t port = 0;
  ByteView payload;
};

/// Cuts a datagram into its messages, with every length checked. Pure.
class MessageCursor {
 public:
  explicit MessageCursor(ByteView datagram) : rest_{datagram} {}

  /// None at the end; malformed when a length does not fit.
  [[nodiscard]] Result<std::optional<Message>> next();

 private:
  ByteView rest_;
};

/// A message of a generic netlink family.
struct GenericMessage {
  std::uint8_t command = 0;
  std::uint8_t version = 0;
  /// The family's own header, then attributes.
  ByteView content;
};
[[nodiscard]] Result<GenericMessage> decode_generic(Message const& message);

/// The end of a request's answers: NLMSG_ERROR, or NLMSG_DONE of a dump.
struct Acknowledgement {
  /// errno; 0 is success.
  int error = 0;
  /// The kernel's own words, where it has some (extended acknowledgement).
  std::string text;
};
/// None when the message is something else.
[[nodiscard]] Result<std::optional<Acknowledgement>> decode_acknowledgement(Message const& message);

/// not_found for missing objects, already_exists for those in use, refused for missing rights or support, otherwise
/// system.
[[nodiscard]] ErrorKind error_kind_of(int errno_value);
/// "<what>: <strerror> (<the kernel's words>)".
[[nodiscard]] Error error_of(Acknowledgement const& acknowledgement, std::string_view what);

} // namespace weave::datapath::netlink
