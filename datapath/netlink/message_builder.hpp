#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weave::datapath::netlink {

/// One netlink request under construction: header, then attributes. Numbers are written in this machine's byte order
/// unless the name says otherwise; attributes begin at multiples of four, nests end at one. What grew beyond the
/// lengths that the format can say is remembered and fails at take(). Pure.
class MessageBuilder {
 public:
  /// `flags` besides NLM_F_REQUEST. Sequence number and sender are filled in by whoever sends it.
  MessageBuilder(std::uint16_t type, std::uint16_t flags);

  /// Appends a header that follows the netlink one (genlmsghdr, ovs_header).
  template <class T>
  MessageBuilder& header(T const& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return append({reinterpret_cast<std::uint8_t const*>(&value), sizeof value});
  }
  MessageBuilder& generic(std::uint8_t command, std::uint8_t version);

  MessageBuilder& put(std::uint16_t attribute, ByteView payload);
  MessageBuilder& put_flag(std::uint16_t attribute) { return put(attribute, {}); }
  /// With a zero byte at the end.
  MessageBuilder& put_text(std::uint16_t attribute, std::string_view text);
  MessageBuilder& put_u8(std::uint16_t attribute, std::uint8_t value) { return put_object(attribute, value); }
  MessageBuilder& put_u16(std::uint16_t attribute, std::uint16_t value) { return put_object(attribute, value); }
  MessageBuilder& put_u32(std::uint16_t attribute, std::uint32_t value) { return put_object(attribute, value); }
  MessageBuilder& put_big_u16(std::uint16_t attribute, std::uint16_t value);
  MessageBuilder& put_big_u32(std::uint16_t attribute, std::uint32_t value);
  MessageBuilder& put_big_u64(std::uint16_t attribute, std::uint64_t value);
  template <class T>
  MessageBuilder& put_object(std::uint16_t attribute, T const& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return put(attribute, {reinterpret_cast<std::uint8_t const*>(&value), sizeof value});
  }
  /// Appends an attribute that holds others; `fill` writes them into this builder.
  template <class Fill>
  MessageBuilder& nest(std::uint16_t attribute, Fill&& fill) {
    auto const start = begin_nest(attribute);
    fill();
    end_nest(start);
    return *this;
  }

  /// The finished message. out_of_range when something in it was too long.
  [[nodiscard]] Result<Bytes> take();

 private:
  MessageBuilder& append(ByteView bytes);
  void align();
  void put_header(std::uint16_t attribute, std::size_t payload_size);
  [[nodiscard]] std::size_t begin_nest(std::uint16_t attribute);
  void end_nest(std::size_t start);

  Bytes bytes_;
  bool overflowed_ = false;
};

} // namespace weave::datapath::netlink
