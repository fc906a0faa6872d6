#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weave {

/// Ethernet address, value type.
class MacAddress {
 public:
  constexpr MacAddress() = default;
  constexpr explicit MacAddress(std::array<std::uint8_t, 6> bytes) : bytes_{bytes} {}

  /// Six groups of two hex digits separated by colons.
  [[nodiscard]] static Result<MacAddress> parse(std::string_view text);

  [[nodiscard]] constexpr std::array<std::uint8_t, 6> const& bytes() const { return bytes_; }
  [[nodiscard]] constexpr bool is_group() const { return (bytes_[0] & 1) != 0; }
  [[nodiscard]] constexpr bool is_zero() const { return bytes_ == std::array<std::uint8_t, 6>{}; }
  /// The 48 bits as a number, first byte most significant.
  [[nodiscard]] constexpr std::uint64_t value() const {
    std::uint64_t value = 0;
    for (auto const byte : bytes_) value = value << 8 | byte;
    return value;
  }
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(MacAddress const&, MacAddress const&) = default;

 private:
  std::array<std::uint8_t, 6> bytes_{};
};

/// IPv4 address; the number is in network order of significance (10.32.0.1 = 0x0a200001).
class Ipv4Address {
 public:
  constexpr Ipv4Address() = default;
  constexpr explicit Ipv4Address(std::uint32_t value) : value_{value} {}

  /// Dotted quad. Error text: `invalid IP Address: <text>` (protocol/ipam-dns.md §3).
  [[nodiscard]] static Result<Ipv4Address> parse(std::string_view text);

  [[nodiscard]] constexpr std::uint32_t value() const { return value_; }
  [[nodiscard]] constexpr bool is_unspecified() const { return value_ == 0; }
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(Ipv4Address, Ipv4Address) = default;
  friend constexpr Ipv4Address operator+(Ipv4Address address, std::uint32_t offset) {
    return Ipv4Address{address.value_ + offset};
  }
  friend constexpr std::uint32_t operator-(Ipv4Address a, Ipv4Address b) { return a.value_ - b.value_; }

 private:
  std::uint32_t value_ = 0;
};

/// Half-open [start, end), start <= end. Text: `first-last` with an inclusive last address (ipam-dns.md §3).
struct Ipv4Range {
  Ipv4Address start;
  Ipv4Address end;

  [[nodiscard]] constexpr std::uint32_t size() const { return end - start; }
  [[nodiscard]] constexpr bool contains(Ipv4Address address) const { return address >= start && address < end; }
  [[nodiscard]] constexpr bool overlaps(Ipv4Range const& other) const { return start < other.end && other.start < end; }
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(Ipv4Range const&, Ipv4Range const&) = default;
};

/// Address with prefix length. `range()` starts at the address as given, not masked (ipam-dns.md §3).
struct Ipv4Cidr {
  Ipv4Address address;
  int prefix = 32;

  /// Errors: `invalid CIDR address: <text>`, `invalid Non-IPv4 address not supported: <text>`.
  [[nodiscard]] static Result<Ipv4Cidr> parse(std::string_view text);
  /// As parse, but host bits must be zero and the size at least 4 (texts of ipam-dns.md §3).
  [[nodiscard]] static Result<Ipv4Cidr> parse_subnet(std::string_view text);

  /// 2^(32-prefix); 2^32 does not fit and is reported as 0 for prefix 0.
  [[nodiscard]] std::uint32_t size() const;
  [[nodiscard]] Ipv4Range range() const;
  /// range() of a subnet without its first and last address.
  [[nodiscard]] Ipv4Range host_range() const;
  [[nodiscard]] std::uint32_t mask() const;
  /// The same prefix with the host bits zero.
  [[nodiscard]] Ipv4Cidr network() const;
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(Ipv4Cidr const&, Ipv4Cidr const&) = default;
};

/// IPv4 address and UDP or TCP port.
struct Ipv4Endpoint {
  Ipv4Address address;
  std::uint16_t port = 0;

  [[nodiscard]] std::string to_string() const;
  friend constexpr auto operator<=>(Ipv4Endpoint const&, Ipv4Endpoint const&) = default;
};

} // namespace weave

template <>
struct std::hash<weave::MacAddress> {
  std::size_t operator()(weave::MacAddress const& mac) const noexcept {
    return std::hash<std::uint64_t>{}(mac.value());
  }
};
template <>
struct std::hash<weave::Ipv4Address> {
  std::size_t operator()(weave::Ipv4Address address) const noexcept {
    return std::hash<std::uint32_t>{}(address.value());
  }
};
