#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "base/result.hpp"
#include "gossip/transport.hpp"

namespace weave::gossip {

/// How many streams are ending in order (ByteStream::finish): shared by the streams of one transport. The control
/// thread's.
using FinishingCount = std::shared_ptr<std::size_t>;

/// A ByteStream on a connected socket. Control thread only. Texts of on_closed: `EOF`,
/// `read tcp <local>-><remote>: read: <reason>`, `write tcp <local>-><remote>: write: <reason>`.
/// Ending in order takes a second and a megabyte at most, and no more than 64 streams do so at a time; what exceeds
/// that is reset. Error: the socket is no longer connected.
[[nodiscard]] Result<std::unique_ptr<ByteStream>> make_tcp_stream(boost::asio::ip::tcp::socket socket,
                                                                  FinishingCount finishing);

} // namespace weave::gossip
