// Stands in for the daemon in the tests of `weave launch`, `stop` and `reset`: serves a control socket, writes what it
// was given to $WEAVE_STATE_DIR/fake.*, and misbehaves as FAKE_WEAVER (blank-separated words) says:
//   fail       end at once with a fatal line        misuse     end at once with two bare lines, status 125
//   unready    answer 503 to /status               stubborn   ignore SIGTERM
//   alive      gives signs of life to NOTIFY_SOCKET
//   attached   containers hinder the removal of the Docker network
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/http/server.hpp"

namespace {

std::string variable(char const* name) {
  auto const* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool told(std::string_view word) {
  return (" " + variable("FAKE_WEAVER") + " ").find(" " + std::string{word} + " ") != std::string::npos;
}

std::ofstream record(std::string const& name) {
  return std::ofstream{variable("WEAVE_STATE_DIR") + "/fake." + name, std::ios::app};
}

weave::http::Response answer(weave::http::Request const& request) {
  using weave::http::Response;
  record("requests") << request.method << " " << request.target << "\n";
  if (request.target == "/status") return Response::text("status\n", told("unready") ? 503 : 200);
  if (request.target == "/report") return Response::json("{\"NotReadyReasons\":[\"it was told not to be\"]}");
  if (request.target == "/plugin/network") {
    return told("attached") ? Response::text("0123456789abcdef fedcba98765\n", 409) : Response::no_content();
  }
  if (request.target == "/peer") return Response::no_content();
  return Response::text("404 page not found\n", 404);
}

class Pulse {
 public:
  explicit Pulse(boost::asio::io_context& context) : timer_{context}, socket_{context} {
    socket_.connect(variable("NOTIFY_SOCKET"));
    beat();
  }

 private:
  void beat() {
    constexpr std::string_view kSign = "WATCHDOG=1";
    socket_.send(boost::asio::buffer(kSign));
    timer_.expires_after(std::chrono::milliseconds{20});
    timer_.async_wait([this](auto error) {
      if (!error) beat();
    });
  }

  boost::asio::steady_timer timer_;
  boost::asio::local::datagram_protocol::socket socket_;
};

} // namespace

int main(int argc, char** argv) {
  for (int at = 1; at < argc; ++at) {
    if (std::string_view{argv[at]} == "--version") {
      std::cout << "weave fake\n";
      return 0;
    }
    record("arguments") << argv[at] << "\n";
    if (std::string_view{argv[at]} == "--cleanup") return 0;
  }
  record("password") << variable("WEAVE_PASSWORD");
  record("starts") << ::getpid() << "\n";
  std::cerr << "INFO: 2026/11/24 03:56:47.414853 starting\n";
  if (told("fail")) {
    std::cerr << "FATA: 2026/11/24 03:56:47.414853 invalid peer name format: \"x\"\n";
    return 1;
  }
  if (told("misuse")) {
    std::cerr << "flag provided but not defined: --bogus\nSee 'weaver --help'.\n";
    return 125;
  }
  boost::asio::io_context context;
  weave::http::Server server{context, [](auto request, auto responder) { responder.send(answer(request)); }};
  if (!server.bind_unix(variable("WEAVE_RUN_DIR") + "/control.sock")) return 1;
  std::ofstream{variable("WEAVE_STATE_DIR") + "/state.db"} << "state";
  boost::asio::signal_set signals{context, SIGTERM};
  if (!told("stubborn")) {
    signals.async_wait([&](auto, int) {
      record("ends") << ::getpid() << "\n";
      context.stop();
    });
  }
  std::optional<Pulse> pulse;
  if (told("alive")) pulse.emplace(context);
  context.run();
}
