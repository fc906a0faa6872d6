#include "datapath/netlink/message.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <system_error>

#include "datapath/netlink/attributes.hpp"

namespace weave::datapath::netlink {

namespace {

/// The attributes behind an error message: without NLM_F_CAPPED the kernel quotes the whole request before them.
std::string extended_text(Message const& message) {
  if ((message.flags & NLM_F_ACK_TLVS) == 0) return {};
  std::size_t used = sizeof(int);
  if (message.type == NLMSG_ERROR) {
    nlmsghdr quoted{};
    if (message.payload.size() < sizeof(int) + sizeof quoted) return {};
    std::memcpy(&quoted, message.payload.data() + sizeof(int), sizeof quoted);
    used += (message.flags & NLM_F_CAPPED) != 0 ? sizeof quoted : NLMSG_ALIGN(std::size_t{quoted.nlmsg_len});
  }
  if (used > message.payload.size()) return {};
  auto const attributes = AttributeTable<NLMSGERR_ATTR_MSG + 1>::parse(message.payload.subspan(used));
  if (!attributes) return {};
  auto const text = attributes->find(NLMSGERR_ATTR_MSG);
  return text ? std::string{read_text(*text)} : std::string{};
}

} // namespace

Result<std::optional<Message>> MessageCursor::next() {
  if (rest_.empty()) return std::optional<Message>{};
  nlmsghdr header{};
  if (rest_.size() < sizeof header) return failure(ErrorKind::malformed, "netlink message is cut off");
  std::memcpy(&header, rest_.data(), sizeof header);
  if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest_.size()) {
    return failure(ErrorKind::malformed, "netlink message has an impossible length");
  }
  auto const payload = rest_.first(header.nlmsg_len).subspan(sizeof header);
  rest_ = rest_.subspan(std::min<std::size_t>(NLMSG_ALIGN(std::size_t{header.nlmsg_len}), rest_.size()));
  return Message{.type = header.nlmsg_type,
                 .flags = header.nlmsg_flags,
                 .sequence = header.nlmsg_seq,
                 .port = header.nlmsg_pid,
                 .payload = payload};
}

Result<GenericMessage> decode_generic(Message const& message) {
  genlmsghdr header{};
  if (message.payload.size() < sizeof header) return failure(ErrorKind::malformed, "generic netlink header is cut off");
  std::memcpy(&header, message.payload.data(), sizeof header);
  return GenericMessage{
      .command = header.cmd, .version = header.version, .content = message.payload.subspan(sizeof header)};
}

Result<std::optional<Acknowledgement>> decode_acknowledgement(Message const& message) {
  if (message.type != NLMSG_ERROR && message.type != NLMSG_DONE) return std::optional<Acknowledgement>{};
  // Old kernels end some dumps without a number.
  if (message.type == NLMSG_DONE && message.payload.size() < sizeof(int)) return Acknowledgement{};
  auto const number = read_number<std::uint32_t>(message.payload);
  if (!number) return failure_of(number);
  auto const error = static_cast<std::int32_t>(*number);
  // The dump's own value at its end may be positive, which is no error.
  constexpr std::int32_t kLargest = 4095;
  if (error >= 0 || error < -kLargest) return Acknowledgement{};
  return Acknowledgement{.error = -error, .text = extended_text(message)};
}

ErrorKind error_kind_of(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ESRCH: return ErrorKind::not_found;
    case EEXIST:
    case EBUSY:
    case EADDRINUSE: return ErrorKind::already_exists;
    case EPERM:
    case EACCES:
    case EOPNOTSUPP: return ErrorKind::refused;
    default: return ErrorKind::system;
  }
}

Error error_of(Acknowledgement const& acknowledgement, std::string_view what) {
  auto text = std::string{what} + ": " + std::generic_category().message(acknowledgement.error);
  if (!acknowledgement.text.empty()) text += " (" + acknowledgement.text + ")";
  return Error{error_kind_of(acknowledgement.error), std::move(text)};
}

} // namespace weave::datapath::netlink
