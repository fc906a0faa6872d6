#include "base/address.hpp"

#include <arpa/inet.h>
#include <charconv>

#include <fmt/format.h>

namespace weave {
namespace {

constexpr std::uint32_t kMinimumSubnetSize = 4;

bool parse_quad(std::string_view text, std::uint32_t& value) {
  in_addr parsed{};
  if (inet_pton(AF_INET, std::string{text}.c_str(), &parsed) != 1) return false;
  value = ntohl(parsed.s_addr);
  return true;
}

bool is_ipv6(std::string_view text) {
  in6_addr parsed{};
  return inet_pton(AF_INET6, std::string{text}.c_str(), &parsed) == 1;
}

} // namespace

Result<MacAddress> MacAddress::parse(std::string_view text) {
  auto const invalid = [&] { return failure(ErrorKind::malformed, fmt::format("invalid MAC address: {}", text)); };
  if (text.size() != 17) return invalid();
  std::array<std::uint8_t, 6> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto const* const first = text.data() + i * 3;
    unsigned value = 0;
    auto const [end, error] = std::from_chars(first, first + 2, value, 16);
    if (error != std::errc{} || end != first + 2) return invalid();
    if (i < 5 && text[i * 3 + 2] != ':') return invalid();
    bytes[i] = static_cast<std::uint8_t>(value);
  }
  return MacAddress{bytes};
}

std::string MacAddress::to_string() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes_[0], bytes_[1], bytes_[2], bytes_[3], bytes_[4],
                     bytes_[5]);
}

Result<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  std::uint32_t value = 0;
  if (!parse_quad(text, value)) return failure(ErrorKind::malformed, fmt::format("invalid IP Address: {}", text));
  return Ipv4Address{value};
}

std::string Ipv4Address::to_string() const {
  return fmt::format("{}.{}.{}.{}", value_ >> 24, value_ >> 16 & 0xff, value_ >> 8 & 0xff, value_ & 0xff);
}

std::string Ipv4Range::to_string() const {
  return fmt::format("{}-{}", start.to_string(), Ipv4Address{end.value() - 1}.to_string());
}

Result<Ipv4Cidr> Ipv4Cidr::parse(std::string_view text) {
  auto const invalid = [&] { return failure(ErrorKind::malformed, fmt::format("invalid CIDR address: {}", text)); };
  auto const slash = text.find('/');
  if (slash == std::string_view::npos) return invalid();
  auto const length = text.substr(slash + 1);
  int prefix = 0;
  auto const [end, error] = std::from_chars(length.data(), length.data() + length.size(), prefix);
  if (length.empty() || error != std::errc{} || end != length.data() + length.size() || prefix < 0) return invalid();
  auto const host = text.substr(0, slash);
  if (is_ipv6(host)) {
    if (prefix > 128) return invalid();
    return failure(ErrorKind::malformed, fmt::format("invalid Non-IPv4 address not supported: {}", text));
  }
  std::uint32_t value = 0;
  if (!parse_quad(host, value) || prefix > 32) return invalid();
  return Ipv4Cidr{Ipv4Address{value}, prefix};
}

Result<Ipv4Cidr> Ipv4Cidr::parse_subnet(std::string_view text) {
  auto cidr = parse(text);
  if (!cidr) return cidr;
  // The size of a /0 does not fit its 32 bits and counts as zero, as in the original.
  if (cidr->prefix > 30 || cidr->prefix == 0) {
    return failure(ErrorKind::out_of_range,
                   fmt::format("invalid subnet - smaller than minimum size {}: {}", kMinimumSubnetSize, text));
  }
  if (cidr->network() != *cidr) {
    return failure(ErrorKind::out_of_range,
                   fmt::format("invalid subnet - bits after network prefix are not all zero: {}", text));
  }
  return cidr;
}

std::uint32_t Ipv4Cidr::size() const { return prefix == 0 ? 0 : std::uint32_t{1} << (32 - prefix); }

std::uint32_t Ipv4Cidr::mask() const { return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }

Ipv4Range Ipv4Cidr::range() const { return {address, address + size()}; }

Ipv4Range Ipv4Cidr::host_range() const { return {address + 1, Ipv4Address{address.value() + size() - 1}}; }

Ipv4Cidr Ipv4Cidr::network() const { return {Ipv4Address{address.value() & mask()}, prefix}; }

std::string Ipv4Cidr::to_string() const { return fmt::format("{}/{}", address.to_string(), prefix); }

std::string Ipv4Endpoint::to_string() const { return fmt::format("{}:{}", address.to_string(), port); }

} // namespace weave
