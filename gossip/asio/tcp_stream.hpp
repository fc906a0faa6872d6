#pragma once

#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "base/result.hpp"
#include "gossip/transport.hpp"

namespace weave::gossip {

/// A ByteStream on a connected socket. Control thread only. Texts of on_closed: `EOF`,
/// `read tcp <local>-><remote>: read: <reason>`, `write tcp <local>-><remote>: write: <reason>`.
/// Error: the socket is no longer connected.
[[nodiscard]] Result<std::unique_ptr<ByteStream>> make_tcp_stream(boost::asio::ip::tcp::socket socket);

} // namespace weave::gossip
