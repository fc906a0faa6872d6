#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/result.hpp"
#include "gossip/transport.hpp"

namespace weave::gossip {

/// Resolves host names with the system's resolver, each on a thread of its own, since one name whose server is silent
/// would hold up all others for seconds. Threads left behind by abandoned lookups end by themselves and touch nothing.
/// Created and called on the control thread, where `done` runs too; at most kMaxLookups at once. Must be destroyed,
/// like its Operations, before the executor's context.
class HostLookup {
 public:
  static constexpr int kMaxLookups = 16;

  explicit HostLookup(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}

  /// IP address texts, IPv4 first. Errors: `lookup <host>: no such host`, `lookup <host>: <reason>`.
  [[nodiscard]] std::unique_ptr<Operation> resolve(std::string const& host,
                                                   std::function<void(Result<std::vector<std::string>>)> done);

 private:
  boost::asio::any_io_executor executor_;
  std::shared_ptr<std::atomic<int>> running_ = std::make_shared<std::atomic<int>>(0);
};

} // namespace weave::gossip
