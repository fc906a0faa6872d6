#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "base/logger.hpp"
#include "base/result.hpp"
#include "gossip/asio/tcp_stream.hpp"
#include "gossip/transport.hpp"

namespace weave::gossip {

/// Listens and hands on what it accepts, at the rate of the token bucket, until the Operation is destroyed.
[[nodiscard]] Result<std::unique_ptr<Operation>> listen_tcp(
    boost::asio::any_io_executor const& executor, std::string const& host, std::uint16_t port,
    std::function<void(std::unique_ptr<ByteStream>)> on_accepted, FinishingCount finishing, Logger logger);

} // namespace weave::gossip
