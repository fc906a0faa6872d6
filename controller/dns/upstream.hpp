#pragma once

#include <functional>
#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "controller/dns/query.hpp"
#include "controller/dns/resolver_file.hpp"

namespace weave::controller::dns {

/// The port through which other name servers are asked. Control thread only.
class Upstream {
 public:
  /// One query under way. Destroying it gives it up; no handler runs afterwards. A handler may destroy it.
  class Exchange {
   public:
    virtual ~Exchange() = default;
  };
  struct Handlers {
    /// Any message that has come from that server in answer to this exchange's own socket, whatever it says. UDP may
    /// deliver several. The view is valid during the call.
    std::function<void(ByteView)> on_message;
    /// Nothing can come any more. At most once, last.
    std::function<void(Error)> on_failed;
  };

  virtual ~Upstream() = default;

  /// From a port of its own. Handlers never run inside the call. Knows no timeout.
  [[nodiscard]] virtual std::unique_ptr<Exchange> send(SocketAddress const& server, Transport transport, Bytes query,
                                                       Handlers handlers) = 0;
};

} // namespace weave::controller::dns
