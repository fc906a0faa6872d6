#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "base/address.hpp"
#include "base/result.hpp"

namespace weave::gossip {

/// IPv4 in IPv6 clothes is IPv4 (protocol/mesh.md §2.1, §18 item 17).
[[nodiscard]] boost::asio::ip::address plain_address(boost::asio::ip::address const& address);
/// `10.0.0.1:6783`, `[fe80::1%eth0]:6783`.
[[nodiscard]] std::string endpoint_text(boost::asio::ip::tcp::endpoint const& endpoint);
[[nodiscard]] std::optional<Ipv4Endpoint> ipv4_endpoint(boost::asio::ip::tcp::endpoint const& endpoint);
/// `ip:port` text; nullopt for anything else, host names included.
[[nodiscard]] std::optional<boost::asio::ip::tcp::endpoint> parse_endpoint(std::string const& text);

/// `<what>: <call>: <reason>` with the reason spelt as Go spells it ("connection refused").
[[nodiscard]] Error tcp_error(std::string_view what, std::string_view call, boost::system::error_code const& error);

/// What every mesh socket has: no delay, and a close that resets (mesh.md §2.1).
void set_stream_options(boost::asio::ip::tcp::socket& socket);
void close_on_exec(int descriptor);

} // namespace weave::gossip
