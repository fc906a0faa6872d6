#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weave::controller::dns {

/// A fully qualified domain name (RFC 1035 §3.1), held as it goes on the wire without compression: at most 255 bytes,
/// labels of 1 to 63 bytes of any value. A value that never allocates. Spelling is kept; comparisons say whether they
/// look at it.
class DomainName {
 public:
  static constexpr std::size_t kMaxSize = 255;
  static constexpr std::size_t kMaxLabel = 63;
  /// Room for any name in presentation format.
  using Text = std::array<char, 4 * kMaxSize>;

  /// The root.
  DomainName() : size_{1} { bytes_[0] = 0; }
  DomainName(DomainName const& other);
  DomainName& operator=(DomainName const& other);

  /// Reads the name at `offset` of a message and moves `offset` behind it. Follows compression pointers, which must
  /// point backwards. None, and `offset` undefined, if that is not a name.
  [[nodiscard]] static std::optional<DomainName> read(ByteView message, std::size_t& offset);
  /// Moves `offset` behind the name without reading what pointers point to; false if there is none.
  [[nodiscard]] static bool skip(ByteView message, std::size_t& offset);
  /// Presentation format with \. and \DDD escapes; the final dot may be absent.
  [[nodiscard]] static Result<DomainName> parse(std::string_view text);

  [[nodiscard]] ByteView wire() const { return ByteView{bytes_}.first(size_); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t label_count() const;
  [[nodiscard]] bool is_root() const { return size_ == 1; }
  /// The same name, whatever the case of its ASCII letters.
  [[nodiscard]] bool matches(DomainName const& other) const;
  /// This is `zone` or a name below it, whatever the case.
  [[nodiscard]] bool is_within(DomainName const& zone) const;
  /// This name with the labels of `domain` behind its own; none if that would be too long.
  [[nodiscard]] std::optional<DomainName> in_domain(DomainName const& domain) const;

  /// Presentation format with the final dot.
  [[nodiscard]] std::string to_string() const;
  /// The same in lower case, written to `room`.
  [[nodiscard]] std::string_view lower_case_text(Text& room) const;

  /// Spelling included.
  friend bool operator==(DomainName const& a, DomainName const& b);

 private:
  [[nodiscard]] bool append_label(ByteView label);

  std::uint8_t size_;
  std::array<std::uint8_t, kMaxSize> bytes_; // the rest is never read
};

} // namespace weave::controller::dns
