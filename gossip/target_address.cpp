#include "gossip/target_address.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace weave::gossip {
namespace {

struct Split {
  std::string_view host;
  std::string_view port;
};

/// Splits at the last colon, unless that colon may belong to a bare IPv6 address. Brackets only around the host.
[[nodiscard]] std::optional<Split> split(std::string_view text) {
  auto const colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  bool const bracketed = host.size() >= 2 && host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.find_first_of(bracketed ? "[]" : "[]:") != std::string_view::npos) return std::nullopt;
  return Split{.host = host, .port = text.substr(colon + 1)};
}

[[nodiscard]] std::string_view without_brackets(std::string_view host) {
  return host.starts_with('[') && host.ends_with(']') && host.size() > 2 ? host.substr(1, host.size() - 2) : host;
}

[[nodiscard]] bool is_alphanumeric(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

/// Names have no colons, so a host with one must be an IPv6 address, perhaps with a zone.
[[nodiscard]] bool is_plausible_host(std::string_view host) {
  if (host.find(':') == std::string_view::npos) return !host.empty();
  auto const address = host.substr(0, host.find('%'));
  return address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

} // namespace

Result<TargetAddress> TargetAddress::parse(std::string_view text) {
  auto const parts = split(text).value_or(Split{.host = without_brackets(text), .port = {}});
  if (!is_plausible_host(parts.host) || !is_alphanumeric(parts.port)) {
    return failure(ErrorKind::malformed, fmt::format("invalid peer name \"{}\", should be host[:port]", text));
  }
  TargetAddress address{.host = std::string{parts.host}, .port = std::nullopt};
  if (parts.port.empty()) return address;
  auto const port = parse_port(parts.port);
  if (!port) return failure(ErrorKind::malformed, fmt::format("unknown port in peer name \"{}\"", text));
  if (*port != 0) address.port = port;
  return address;
}

std::string join_host_port(std::string_view host, std::uint16_t port) {
  if (host.find(':') != std::string_view::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

std::optional<std::pair<std::string, std::uint16_t>> split_host_port(std::string_view address) {
  auto const parts = split(address);
  if (!parts || parts->host.empty()) return std::nullopt;
  auto const port = parse_port(parts->port);
  if (!port || *port == 0) return std::nullopt;
  return std::pair{std::string{parts->host}, *port};
}

} // namespace weave::gossip
