#pragma once

#include <chrono>

#include "base/http/endpoint.hpp"
#include "base/http/message.hpp"
#include "base/result.hpp"

namespace weave::http {

/// One request from a program that has nothing else to do (the command line tool). Errors as in Client; a timeout of
/// zero waits without limit.
[[nodiscard]] Result<Response> request_and_wait(Endpoint const& endpoint, Request request,
                                                std::chrono::milliseconds timeout);

} // namespace weave::http
