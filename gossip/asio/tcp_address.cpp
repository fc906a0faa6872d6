#include "gossip/asio/tcp_address.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>

#include <boost/asio/detail/socket_option.hpp>
#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include "gossip/target_address.hpp"

namespace weave::gossip {

namespace ip = boost::asio::ip;

ip::address plain_address(ip::address const& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

std::string endpoint_text(ip::tcp::endpoint const& endpoint) {
  return join_host_port(plain_address(endpoint.address()).to_string(), endpoint.port());
}

std::optional<Ipv4Endpoint> ipv4_endpoint(ip::tcp::endpoint const& endpoint) {
  auto const address = plain_address(endpoint.address());
  if (!address.is_v4()) return std::nullopt;
  return Ipv4Endpoint{Ipv4Address{address.to_v4().to_uint()}, endpoint.port()};
}

std::optional<ip::tcp::endpoint> parse_endpoint(std::string const& text) {
  auto const parts = split_host_port(text);
  if (!parts) return std::nullopt;
  boost::system::error_code error;
  auto const address = ip::make_address(parts->first, error);
  if (error) return std::nullopt;
  return ip::tcp::endpoint{plain_address(address), parts->second};
}

Error tcp_error(std::string_view what, std::string_view call, boost::system::error_code const& error) {
  auto reason = error.message();
  // Go has the C library's texts, without the capital.
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z') reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  return {ErrorKind::system, fmt::format("{}: {}: {}", what, call, reason)};
}

/// Gossip that could not leave during a pause of the network goes on a second after it: the kernel would wait ever
/// longer between its attempts, by half of the pause. Linux before 6.15 cannot be told so.
void set_resend_options(ip::tcp::socket& socket) {
  constexpr int kTcpRtoMaxMs = 44; // TCP_RTO_MAX_MS; headers are older than kernels
  using LongestResendPause = boost::asio::detail::socket_option::integer<IPPROTO_TCP, kTcpRtoMaxMs>;
  using PatienceInAll = boost::asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
  boost::system::error_code error;
  socket.set_option(LongestResendPause{1000}, error);
  // The kernel counts attempts, and would give up after a quarter of a minute.
  if (!error) socket.set_option(PatienceInAll{60'000}, error);
}

void set_stream_options(ip::tcp::socket& socket) {
  // A remote that is already gone makes these fail; the next read says so.
  boost::system::error_code ignored;
  set_resend_options(socket);
  socket.set_option(ip::tcp::no_delay{true}, ignored);
  socket.set_option(boost::asio::socket_base::linger{true, 0}, ignored);
  close_on_exec(socket.native_handle());
}

void close_on_exec(int descriptor) { ::fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

} // namespace weave::gossip
