#pragma once

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "base/http/server.hpp"
#include "base/logger.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "plugin/dispatcher.hpp"

namespace weave::plugin {

/// One plugin socket. The file name without `.sock` is the driver's name in Docker.
struct PluginSocket {
  std::string path;
  Scope scope = Scope::local;
  /// Already listening, from the service manager; the path is then only for people.
  UniqueFd inherited;
};

inline constexpr auto kWeaveSocket = "/run/docker/plugins/weave.sock";
inline constexpr auto kWeavemeshSocket = "/run/docker/plugins/weavemesh.sock";

/// Serves both drivers, network and IPAM, on every socket (DESIGN §2). Docker keeps its connections open and idle for
/// as long as it likes. Control thread; the io_context and the drivers must outlive it.
class PluginListener {
 public:
  PluginListener(boost::asio::io_context& context, NetworkDriver& network, IpamDriver& ipam, Logger log);
  PluginListener(PluginListener const&) = delete;
  PluginListener& operator=(PluginListener const&) = delete;

  /// All or none: on failure those opened by this call are closed again. Socket mode 0600: Docker's engine is root.
  [[nodiscard]] Result<void> listen(std::vector<PluginSocket> sockets);
  [[nodiscard]] bool listening() const { return !doors_.empty(); }
  /// While there is a reason, calls that would attach something fail with it; what gives something up goes on.
  void refuse(std::string reason) { refusal_ = std::move(reason); }
  /// Paths, in order.
  [[nodiscard]] std::vector<std::string> paths() const;
  /// The socket files go first, so that Docker fails at once instead of waiting (§12.2.7); calls under way are
  /// answered; then `done`.
  void drain(std::function<void()> done);
  void close() { doors_.clear(); }

 private:
  struct Door {
    Door(PluginListener const& owner, Scope scope);

    Dispatcher dispatcher;
    http::Server server;
    std::string path;
  };

  boost::asio::io_context& context_;
  NetworkDriver& network_;
  IpamDriver& ipam_;
  Logger log_;
  std::string refusal_;
  std::list<Door> doors_;
};

} // namespace weave::plugin
