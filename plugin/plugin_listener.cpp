#include "plugin/plugin_listener.hpp"

#include <memory>

namespace weave::plugin {

namespace {

constexpr unsigned kMode = 0600;

http::ServerOptions server_options() {
  http::ServerOptions options;
  // Docker does not expect a plugin to close, and would count it as a failed call.
  options.idle_timeout = std::chrono::milliseconds{0};
  return options;
}

} // namespace

PluginListener::Door::Door(PluginListener const& owner, Scope scope)
    : dispatcher{owner.network_, owner.ipam_, scope},
      server{owner.context_,
             [this, &refusal = owner.refusal_](http::Request const& request, http::Responder responder) {
               if (!refusal.empty() && Dispatcher::attaches(request)) return Dispatcher::refuse(refusal, responder);
               dispatcher.handle(request, std::move(responder));
             },
             server_options(), owner.log_} {}

PluginListener::PluginListener(boost::asio::io_context& context, NetworkDriver& network, IpamDriver& ipam, Logger log)
    : context_{context}, network_{network}, ipam_{ipam}, log_{std::move(log)} {}

Result<void> PluginListener::listen(std::vector<PluginSocket> sockets) {
  std::list<Door> opened;
  for (auto& socket : sockets) {
    auto& door = opened.emplace_back(*this, socket.scope);
    door.path = socket.path;
    auto const bound =
        socket.inherited ? door.server.adopt(std::move(socket.inherited)) : door.server.bind_unix(socket.path, kMode);
    if (!bound) return failure_of(bound);
  }
  doors_.splice(doors_.end(), opened);
  return {};
}

std::vector<std::string> PluginListener::paths() const {
  std::vector<std::string> paths;
  for (auto const& door : doors_) paths.push_back(door.path);
  return paths;
}

void PluginListener::drain(std::function<void()> done) {
  if (doors_.empty()) return done();
  auto const open = std::make_shared<std::size_t>(doors_.size());
  std::vector<http::Server*> servers; // `done` may destroy us
  for (auto& door : doors_) servers.push_back(&door.server);
  for (auto* const server : servers) {
    server->drain([open, done] {
      if (--*open == 0) done();
    });
  }
}

} // namespace weave::plugin
