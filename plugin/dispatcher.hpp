#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/http/server.hpp"
#include "plugin/ipam_driver.hpp"
#include "plugin/messages.hpp"
#include "plugin/network_driver.hpp"

namespace weave::plugin {

/// Turns HTTP requests into driver calls and back (protocol/surfaces.md §10.2): `POST /<Type>.<Method>`; 200 with JSON
/// and a newline; 500 `{"Err":"…"}` for a call that fails; 400 `Unable to decode JSON payload: …`; 404 for methods that
/// are not there, which Docker takes as "not implemented"; 405 for anything but POST. Used as a Server's Handler by
/// reference. Control thread; the drivers must outlive it.
class Dispatcher {
 public:
  Dispatcher(NetworkDriver& network, IpamDriver& ipam, Scope scope);
  Dispatcher(Dispatcher const&) = delete;
  Dispatcher& operator=(Dispatcher const&) = delete;

  void handle(http::Request const& request, http::Responder responder) const;

  /// Whether it is a call after which something new uses weave. RequestPool is none: Docker makes it of the networks it
  /// has each time it starts.
  [[nodiscard]] static bool attaches(http::Request const& request);
  /// Answers 500 with the reason.
  static void refuse(std::string_view reason, http::Responder& responder);

 private:
  using Method = std::function<void(std::string_view body, http::Responder responder)>;

  void add_constants(Scope scope);
  void add_network_methods(NetworkDriver& driver);
  void add_endpoint_methods(NetworkDriver& driver);
  void add_ipam_methods(IpamDriver& driver);

  std::map<std::string, Method, std::less<>> methods_;
};

} // namespace weave::plugin
