#include "controller/dns/domain_name.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace weave::controller::dns {
namespace {

constexpr std::uint8_t kPointer = 0xc0;

constexpr std::uint8_t lower(std::uint8_t byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte + ('a' - 'A')) : byte;
}

/// Length bytes are below 'A', so that whole wire names can be compared at once.
bool same_ignoring_case(ByteView a, ByteView b) {
  return std::ranges::equal(a, b, [](std::uint8_t x, std::uint8_t y) { return lower(x) == lower(y); });
}

constexpr bool is_escaped(std::uint8_t byte) {
  return byte < ' ' || byte >= 0x7f ||
         std::string_view{".(); @\"\\"}.find(static_cast<char>(byte)) != std::string_view::npos;
}

constexpr auto kIsEscaped = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) table[byte] = is_escaped(static_cast<std::uint8_t>(byte));
  return table;
}();

char* write_escaped(char* out, std::uint8_t byte) {
  *out++ = '\\';
  if (byte < ' ' || byte >= 0x7f) {
    *out++ = static_cast<char>('0' + byte / 100);
    *out++ = static_cast<char>('0' + byte / 10 % 10);
    *out++ = static_cast<char>('0' + byte % 10);
  } else {
    *out++ = static_cast<char>(byte);
  }
  return out;
}

template <class Change>
std::string_view write_text(ByteView wire, DomainName::Text& room, Change change) {
  if (wire.size() == 1) return ".";
  auto* out = room.data();
  for (std::size_t at = 0; wire[at] != 0; at += 1U + wire[at]) {
    for (auto const byte : wire.subspan(at + 1, wire[at])) {
      if (kIsEscaped[byte]) {
        out = write_escaped(out, change(byte));
      } else {
        *out++ = static_cast<char>(change(byte));
      }
    }
    *out++ = '.';
  }
  return {room.data(), static_cast<std::size_t>(out - room.data())};
}

/// The byte that an escape at the front of `text` (behind the backslash) stands for.
std::optional<std::uint8_t> take_escape(std::string_view& text) {
  auto const is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty()) return std::nullopt;
  if (!is_digit(text[0])) {
    auto const byte = static_cast<std::uint8_t>(text[0]);
    text.remove_prefix(1);
    return byte;
  }
  if (text.size() < 3 || !is_digit(text[1]) || !is_digit(text[2])) return std::nullopt;
  auto const value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  if (value > 255) return std::nullopt;
  text.remove_prefix(3);
  return static_cast<std::uint8_t>(value);
}

} // namespace

DomainName::DomainName(DomainName const& other) : size_{other.size_} {
  std::memcpy(bytes_.data(), other.bytes_.data(), size_);
}

DomainName& DomainName::operator=(DomainName const& other) {
  size_ = other.size_;
  std::memmove(bytes_.data(), other.bytes_.data(), size_);
  return *this;
}

std::optional<DomainName> DomainName::read(ByteView message, std::size_t& offset) {
  DomainName name;
  auto at = offset;
  auto limit = offset; // where the part being read begins: pointers must lead before it, so that they cannot loop
  auto jumped = false;
  while (at < message.size()) {
    auto const length = message[at];
    if (length == 0) {
      if (!jumped) offset = at + 1;
      return name;
    }
    if ((length & kPointer) == kPointer) {
      if (at + 1 >= message.size()) return std::nullopt;
      auto const target = (static_cast<std::size_t>(length & ~kPointer) << 8U) | message[at + 1];
      if (target >= limit) return std::nullopt;
      if (!jumped) offset = at + 2;
      jumped = true;
      at = limit = target;
      continue;
    }
    if (length > kMaxLabel || message.size() - at <= length) return std::nullopt;
    if (!name.append_label(message.subspan(at + 1, length))) return std::nullopt;
    at += 1U + length;
  }
  return std::nullopt;
}

bool DomainName::skip(ByteView message, std::size_t& offset) {
  while (offset < message.size()) {
    auto const length = message[offset];
    if (length == 0) return ++offset, true;
    if ((length & kPointer) == kPointer) return offset += 2, offset <= message.size();
    if (length > kMaxLabel) return false;
    offset += 1U + length;
  }
  return false;
}

Result<DomainName> DomainName::parse(std::string_view text) {
  auto const bad = [text](std::string_view why) {
    return failure(ErrorKind::malformed, fmt::format("invalid domain name {}: {}", text, why));
  };
  DomainName name;
  if (text == ".") return name;
  auto rest = text;
  std::array<std::uint8_t, kMaxLabel> label;
  do {
    std::size_t size = 0;
    while (!rest.empty() && rest[0] != '.') {
      auto byte = std::optional{static_cast<std::uint8_t>(rest[0])};
      rest.remove_prefix(1);
      if (*byte == '\\') byte = take_escape(rest);
      if (!byte) return bad("bad escape");
      if (size == label.size()) return bad("a label has more than 63 bytes");
      label[size++] = *byte;
    }
    if (size == 0) return bad("empty label");
    if (!name.append_label(ByteView{label}.first(size))) return bad("more than 255 bytes");
    if (!rest.empty()) rest.remove_prefix(1);
  } while (!rest.empty());
  return name;
}

bool DomainName::append_label(ByteView label) {
  if (size_ + 1 + label.size() > kMaxSize) return false;
  auto* const at = bytes_.data() + size_ - 1;
  *at = static_cast<std::uint8_t>(label.size());
  std::memcpy(at + 1, label.data(), label.size());
  at[1 + label.size()] = 0;
  size_ = static_cast<std::uint8_t>(size_ + 1 + label.size());
  return true;
}

std::size_t DomainName::label_count() const {
  std::size_t count = 0;
  for (std::size_t at = 0; bytes_[at] != 0; at += 1U + bytes_[at]) ++count;
  return count;
}

bool DomainName::matches(DomainName const& other) const { return same_ignoring_case(wire(), other.wire()); }

bool DomainName::is_within(DomainName const& zone) const {
  if (zone.size_ > size_) return false;
  std::size_t at = 0;
  auto const wanted = static_cast<std::size_t>(size_ - zone.size_);
  while (at < wanted) at += 1U + bytes_[at];
  return at == wanted && same_ignoring_case(wire().subspan(at), zone.wire());
}

std::optional<DomainName> DomainName::in_domain(DomainName const& domain) const {
  auto const own = static_cast<std::size_t>(size_ - 1);
  if (own + domain.size_ > kMaxSize) return std::nullopt;
  auto joined = *this;
  std::memcpy(joined.bytes_.data() + own, domain.bytes_.data(), domain.size_);
  joined.size_ = static_cast<std::uint8_t>(own + domain.size_);
  return joined;
}

std::string DomainName::to_string() const {
  Text room;
  return std::string{write_text(wire(), room, [](std::uint8_t byte) { return byte; })};
}

std::string_view DomainName::lower_case_text(Text& room) const { return write_text(wire(), room, lower); }

bool operator==(DomainName const& a, DomainName const& b) { return std::ranges::equal(a.wire(), b.wire()); }

} // namespace weave::controller::dns
