#include "datapath/netlink/message_builder.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "datapath/packet/byte_order.hpp"

namespace weave::datapath::netlink {

MessageBuilder::MessageBuilder(std::uint16_t type, std::uint16_t flags) {
  bytes_.reserve(256);
  header(nlmsghdr{.nlmsg_len = 0,
                  .nlmsg_type = type,
                  .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags),
                  .nlmsg_seq = 0,
                  .nlmsg_pid = 0});
}

MessageBuilder& MessageBuilder::generic(std::uint8_t command, std::uint8_t version) {
  return header(genlmsghdr{.cmd = command, .version = version, .reserved = 0});
}

MessageBuilder& MessageBuilder::put(std::uint16_t attribute, ByteView payload) {
  put_header(attribute, payload.size());
  return append(payload);
}

MessageBuilder& MessageBuilder::put_text(std::uint16_t attribute, std::string_view text) {
  put_header(attribute, text.size() + 1);
  append(as_bytes(text));
  bytes_.push_back(0);
  return *this;
}

MessageBuilder& MessageBuilder::put_big_u16(std::uint16_t attribute, std::uint16_t value) {
  std::array<std::uint8_t, 2> wire{};
  store_u16(wire, 0, value);
  return put(attribute, wire);
}

MessageBuilder& MessageBuilder::put_big_u32(std::uint16_t attribute, std::uint32_t value) {
  std::array<std::uint8_t, 4> wire{};
  store_u32(wire, 0, value);
  return put(attribute, wire);
}

MessageBuilder& MessageBuilder::put_big_u64(std::uint16_t attribute, std::uint64_t value) {
  std::array<std::uint8_t, 8> wire{};
  store_u64(wire, 0, value);
  return put(attribute, wire);
}

Result<Bytes> MessageBuilder::take() {
  if (overflowed_) return failure(ErrorKind::out_of_range, "netlink request is too long");
  auto const size = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &size, sizeof size);
  return std::move(bytes_);
}

MessageBuilder& MessageBuilder::append(ByteView bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

void MessageBuilder::align() { bytes_.resize(NLA_ALIGN(bytes_.size())); }

void MessageBuilder::put_header(std::uint16_t attribute, std::size_t payload_size) {
  align();
  auto const size = payload_size + sizeof(nlattr);
  overflowed_ = overflowed_ || size > std::numeric_limits<std::uint16_t>::max();
  header(nlattr{.nla_len = static_cast<std::uint16_t>(size), .nla_type = attribute});
}

std::size_t MessageBuilder::begin_nest(std::uint16_t attribute) {
  put_header(attribute, 0);
  return bytes_.size() - sizeof(nlattr);
}

void MessageBuilder::end_nest(std::size_t start) {
  align();
  auto const size = bytes_.size() - start;
  overflowed_ = overflowed_ || size > std::numeric_limits<std::uint16_t>::max();
  auto const length = static_cast<std::uint16_t>(size);
  std::memcpy(bytes_.data() + start + offsetof(nlattr, nla_len), &length, sizeof length);
}

} // namespace weave::datapath::netlink
