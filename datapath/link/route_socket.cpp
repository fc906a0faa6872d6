#include "datapath/link/route_socket.hpp"

#include <cerrno>
#include <cstring>
#include <linux/netlink.h>
#include <system_error>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

namespace weave::datapath {

namespace {

constexpr std::size_t kMessageSize = 4096;
constexpr int kDumpAttempts = 5;

/// What came back for one request.
struct Answer {
  std::function<void(nlmsghdr const&)> const* on_message = nullptr;
  int error = 0;
  std::string kernel_text = {};
  bool finished = false;
  bool interrupted = false;
};

std::string extended_text(nlmsgerr const& error) {
  auto const* header = reinterpret_cast<nlmsghdr const*>(reinterpret_cast<char const*>(&error) - NLMSG_HDRLEN);
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  // Without NLM_F_CAPPED the kernel quotes the whole request before the attributes.
  std::size_t used = sizeof(nlmsgerr);
  if ((header->nlmsg_flags & NLM_F_CAPPED) == 0) used += NLMSG_ALIGN(error.msg.nlmsg_len) - sizeof(nlmsghdr);
  if (header->nlmsg_len < NLMSG_HDRLEN + used + sizeof(nlattr)) return {};
  auto const rest = static_cast<int>(header->nlmsg_len - NLMSG_HDRLEN - used);
  auto const* first = reinterpret_cast<nlattr const*>(reinterpret_cast<char const*>(&error) + used);
  nlattr const* text = nla_find(first, rest, NLMSGERR_ATTR_MSG);
  if (text == nullptr || nla_len(text) < 1) return {};
  auto const* begin = static_cast<char const*>(nla_data(text));
  return std::string{begin, strnlen(begin, static_cast<std::size_t>(nla_len(text)))};
}

int on_error(sockaddr_nl*, nlmsgerr* error, void* argument) {
  auto& answer = *static_cast<Answer*>(argument);
  answer.error = -error->error;
  answer.kernel_text = extended_text(*error);
  answer.finished = true;
  return NL_STOP;
}

int on_end(nl_msg*, void* argument) {
  static_cast<Answer*>(argument)->finished = true;
  return NL_STOP;
}

int on_interrupted(nl_msg*, void* argument) {
  static_cast<Answer*>(argument)->interrupted = true;
  return NL_OK;
}

int on_valid(nl_msg* message, void* argument) {
  auto& answer = *static_cast<Answer*>(argument);
  if (answer.on_message != nullptr) (*answer.on_message)(*nlmsg_hdr(message));
  return NL_OK;
}

bool is_missing(int error) {
  return error == ENODEV || error == ENOENT || error == EADDRNOTAVAIL || error == ESRCH || error == ENXIO;
}

ErrorKind kind_of(int error) {
  if (is_missing(error)) return ErrorKind::not_found;
  if (error == EEXIST || error == EBUSY || error == EADDRINUSE) return ErrorKind::already_exists;
  if (error == EPERM || error == EACCES || error == EOPNOTSUPP) return ErrorKind::refused;
  return ErrorKind::system;
}

Result<void> outcome(Answer const& answer, std::string_view what, Tolerate tolerate) {
  if (answer.error == 0) return {};
  if (tolerate == Tolerate::existing && answer.error == EEXIST) return {};
  if (tolerate == Tolerate::missing && is_missing(answer.error)) return {};
  auto text = std::string{what} + ": " + std::generic_category().message(answer.error);
  if (!answer.kernel_text.empty()) text += " (" + answer.kernel_text + ")";
  return failure(kind_of(answer.error), std::move(text));
}

Result<void> exchange(nl_sock* socket, RouteMessage& message, std::string_view what, Answer& answer) {
  if (message.overflowed()) return failure(ErrorKind::out_of_range, std::string{what} + ": request too long");
  if (int const sent = nl_send_auto(socket, message.native()); sent < 0) {
    return failure(ErrorKind::system, std::string{what} + ": " + nl_geterror(sent));
  }
  std::unique_ptr<nl_cb, decltype(&nl_cb_put)> const callbacks{nl_cb_alloc(NL_CB_DEFAULT), nl_cb_put};
  nl_cb_err(callbacks.get(), NL_CB_CUSTOM, on_error, &answer);
  nl_cb_set(callbacks.get(), NL_CB_ACK, NL_CB_CUSTOM, on_end, &answer);
  nl_cb_set(callbacks.get(), NL_CB_FINISH, NL_CB_CUSTOM, on_end, &answer);
  nl_cb_set(callbacks.get(), NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, &answer);
  nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, on_valid, &answer);
  while (!answer.finished) {
    int const received = nl_recvmsgs(socket, callbacks.get());
    if (received < 0 && !answer.finished) {
      return failure(ErrorKind::system, std::string{what} + ": " + nl_geterror(received));
    }
  }
  return {};
}

} // namespace

RouteMessage::RouteMessage(int type, int flags) : message_{nlmsg_alloc_size(kMessageSize)} {
  overflowed_ = !message_ || nlmsg_put(message_.get(), NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags) == nullptr;
}

void RouteMessage::Free::operator()(nl_msg* message) const { nlmsg_free(message); }

RouteMessage& RouteMessage::append(void const* bytes, std::size_t size) {
  // nlmsg_append takes a mutable pointer but only reads.
  if (!overflowed_) overflowed_ = nlmsg_append(message_.get(), const_cast<void*>(bytes), size, NLMSG_ALIGNTO) < 0;
  return *this;
}

RouteMessage& RouteMessage::put(int attribute, ByteView bytes) {
  if (!overflowed_) {
    overflowed_ = nla_put(message_.get(), attribute, static_cast<int>(bytes.size()), bytes.data()) < 0;
  }
  return *this;
}

RouteMessage& RouteMessage::put_text(int attribute, std::string_view text) {
  if (!overflowed_) overflowed_ = nla_put_string(message_.get(), attribute, std::string{text}.c_str()) < 0;
  return *this;
}

RouteMessage& RouteMessage::put_u8(int attribute, std::uint8_t value) {
  if (!overflowed_) overflowed_ = nla_put_u8(message_.get(), attribute, value) < 0;
  return *this;
}

RouteMessage& RouteMessage::put_u32(int attribute, std::uint32_t value) {
  if (!overflowed_) overflowed_ = nla_put_u32(message_.get(), attribute, value) < 0;
  return *this;
}

RouteMessage& RouteMessage::nest(int attribute, std::function<void(RouteMessage&)> const& fill) {
  if (overflowed_) return *this;
  nlattr* const start = nla_nest_start(message_.get(), attribute);
  if (start == nullptr) {
    overflowed_ = true;
    return *this;
  }
  fill(*this);
  nla_nest_end(message_.get(), start);
  return *this;
}

void RouteSocket::Free::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Result<RouteSocket> RouteSocket::open(int protocol) {
  RouteSocket opened{nl_socket_alloc()};
  if (!opened.socket_) return failure(ErrorKind::unavailable, "open netlink socket: out of memory");
  if (int const result = nl_connect(opened.socket_.get(), protocol); result < 0) {
    return failure(ErrorKind::system, std::string{"open netlink socket: "} + nl_geterror(result));
  }
  int const on = 1;
  int const fd = nl_socket_get_fd(opened.socket_.get());
  // Both are refinements of the error text; kernels without them still answer.
  (void)::setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)::setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  (void)nl_socket_set_msg_buf_size(opened.socket_.get(), std::size_t{64} * 1024);
  return opened;
}

Result<void> RouteSocket::request(RouteMessage message, std::string_view what, Tolerate tolerate) {
  Answer answer;
  auto exchanged = exchange(socket_.get(), message, what, answer);
  return exchanged ? outcome(answer, what, tolerate) : exchanged;
}

Result<void> RouteSocket::query(RouteMessage message, std::string_view what,
                                std::function<void(nlmsghdr const&)> const& on_message,
                                std::function<void()> const& on_restart) {
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    if (attempt > 0) {
      if (on_restart) on_restart();
      nlmsg_hdr(message.native())->nlmsg_seq = NL_AUTO_SEQ;
    }
    Answer answer{.on_message = &on_message};
    auto exchanged = exchange(socket_.get(), message, what, answer);
    if (!exchanged) return exchanged;
    if (!answer.interrupted) return outcome(answer, what, Tolerate::nothing);
  }
  return failure(ErrorKind::unavailable, std::string{what} + ": the set kept changing while it was read");
}

} // namespace weave::datapath
