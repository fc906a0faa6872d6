#include "base/http/endpoint.hpp"

#include <charconv>

#include <fmt/format.h>

namespace weave::http {

namespace {

std::unexpected<Error> bad_address(std::string_view text) {
  return failure(ErrorKind::malformed, fmt::format("invalid address: {}", text));
}

} // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  auto rest = text;
  constexpr std::string_view kUnix = "unix://";
  if (rest.starts_with(kUnix)) rest.remove_prefix(kUnix.size());
  if (rest.starts_with('/')) return unix_socket(std::string{rest});
  if (rest.size() != text.size()) return bad_address(text);
  for (std::string_view const scheme : {"tcp://", "http://"}) {
    if (rest.starts_with(scheme)) {
      rest.remove_prefix(scheme.size());
      break;
    }
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto const colon = rest.rfind(':');
  if (colon == std::string_view::npos) return bad_address(text);
  auto host = rest.substr(0, colon);
  auto const digits = rest.substr(colon + 1);
  std::uint16_t port = 0;
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty()) return bad_address(text);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":/") != std::string_view::npos) {
    return bad_address(text);
  }
  return tcp(std::string{host}, port);
}

std::string Endpoint::to_string() const {
  if (is_unix()) return "unix://" + path;
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

} // namespace weave::http
