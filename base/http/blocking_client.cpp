#include "base/http/blocking_client.hpp"

#include <optional>

#include <boost/asio/io_context.hpp>

#include "base/http/client.hpp"

namespace weave::http {

Result<Response> request_and_wait(Endpoint const& endpoint, Request request, std::chrono::milliseconds timeout) {
  boost::asio::io_context context{1};
  Client client{context};
  std::optional<Result<Response>> answer;
  client.request(endpoint, std::move(request), timeout,
                 [&answer](Result<Response> result) { answer = std::move(result); });
  while (!answer && context.run_one() > 0) {
  }
  if (!answer) return failure(ErrorKind::cancelled, "the request ended without an answer");
  return *std::move(answer);
}

} // namespace weave::http
