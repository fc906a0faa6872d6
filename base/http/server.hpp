#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/http/endpoint.hpp"
#include "base/http/message.hpp"
#include "base/logger.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace boost::asio {
class io_context;
}

namespace weave::http {

/// The right to answer one request, once, now or later, on the control thread. Move-only; `into_function` gives a
/// copyable form. Dropped without an answer, it answers 500. Harmless after the client or the server has gone.
class Responder {
 public:
  struct Sink {
    virtual ~Sink() = default;
    virtual void deliver(Response response) = 0;
    [[nodiscard]] virtual bool abandoned() const = 0;
    virtual void set_on_abandoned(std::function<void()> call) = 0;
  };

  Responder() = default;
  /// For servers and tests.
  explicit Responder(std::shared_ptr<Sink> sink) : sink_{std::move(sink)} {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  /// Further calls do nothing.
  void send(Response response);
  /// The client has closed its side; an answer will probably not be read.
  [[nodiscard]] bool abandoned() const { return !sink_ || sink_->abandoned(); }
  /// `call` runs at most once, when the client closes before the answer; not after send(). A handler that waits
  /// without limit cancels its work here and must still answer or drop the Responder.
  void on_abandoned(std::function<void()> call);
  /// A copyable one-shot; when its last copy goes unused, the answer is 500.
  [[nodiscard]] std::function<void(Response)> into_function() &&;

 private:
  std::shared_ptr<Sink> sink_;
};

/// Called on the control thread for each complete request. An exception that leaves it is logged and answered with 500.
using Handler = std::function<void(Request, Responder)>;

struct ServerOptions {
  std::size_t body_limit = std::size_t{1} << 20U;
  std::uint32_t header_limit = 16U << 10U;
  std::size_t max_connections = 256;
  /// From the first byte of a request to its last, however many arrive in between.
  std::chrono::milliseconds read_timeout{30'000};
  std::chrono::milliseconds write_timeout{30'000};
  /// Between requests. Zero: without limit (a full server closes the connection that has been idle longest).
  std::chrono::milliseconds idle_timeout{120'000};
};

/// HTTP/1.1 server (keep-alive, pipelining answered in order, chunked bodies, Expect: 100-continue) on Unix sockets,
/// TCP and inherited listening descriptors, all feeding one handler. Everything happens on the thread that runs the
/// io_context, which must outlive the server.
///
/// Hostile clients: malformed requests get 400, too large bodies 413, too large headers 431, and the connection ends;
/// a request not complete within read_timeout is cut off; with max_connections open and none idle, a new one is
/// answered 503 and closed. There is no limit on the time a handler takes.
///
/// Socket files: bind_unix makes missing parent directories, replaces a socket nobody answers on, and refuses one
/// that is alive. close() and the destructor unlink first and close afterwards, and only if the file is still ours;
/// inherited descriptors are never unlinked.
class Server {
 public:
  Server(boost::asio::io_context& context, Handler handler, ServerOptions options = {}, Logger log = {});
  Server(Server const&) = delete;
  Server& operator=(Server const&) = delete;
  ~Server();

  /// Accepts from now on. The mode is set exactly, whatever the umask.
  [[nodiscard]] Result<void> bind_unix(std::string const& path, unsigned mode = 0660);
  /// Resolves the host (may block: meant for start-up); port 0 picks one. Gives the address really bound.
  [[nodiscard]] Result<Endpoint> bind_tcp(Endpoint const& endpoint);
  [[nodiscard]] Result<void> bind(Endpoint const& endpoint, unsigned mode = 0660);
  /// Takes over a listening descriptor from the service manager.
  [[nodiscard]] Result<void> adopt(UniqueFd listening);

  /// What it listens on, in order of binding.
  [[nodiscard]] std::vector<Endpoint> endpoints() const;
  [[nodiscard]] std::size_t connections() const;

  /// Removes the listeners and ends connections between requests; those with a request under way get its answer, then
  /// end. `done` runs when none is left (possibly at once).
  void drain(std::function<void()> done);
  /// Removes the listeners and cuts every connection. Responders still held become harmless.
  void close();

 private:
  class State;
  std::shared_ptr<State> state_;
};

} // namespace weave::http
