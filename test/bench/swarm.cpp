// Many mesh peers in one process, over real TCP, for a daemon to live among: no discovery, no data plane.
//   bench-swarm ADDRESS PEERS      the first listens on ADDRESS, the rest on 127.1.x.y; prints "ready", ends with its
//                                  standard input

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/async/asio_scheduler.hpp"
#include "base/random.hpp"
#include "gossip/asio/tcp_transport.hpp"
#include "gossip/mesh_router.hpp"

namespace weave::bench {
namespace {

class Swarm {
 public:
  Swarm(boost::asio::io_context& context, std::string first, std::uint32_t peers)
      : scheduler_{context.get_executor()}, transport_{context.get_executor(), "", Logger{}} {
    for (std::uint32_t number = 0; number < peers; ++number) {
      auto const address =
          number == 0 ? first : "127.1." + std::to_string(number >> 8) + "." + std::to_string(number & 0xff);
      add(number, address);
      for (int i = 0; i < 3 && number > 0; ++i) dial(addresses_[random_.below(number)]);
      addresses_.push_back(address + ":6783");
    }
  }
  /// Everybody knows everybody.
  [[nodiscard]] bool complete() const {
    for (auto const& router : routers_) {
      if (router->peers().size() < routers_.size()) return false;
    }
    return true;
  }

 private:
  void add(std::uint32_t number, std::string const& address) {
    gossip::MeshSettings settings;
    settings.name = PeerName{0x7a00'0000'0000ULL + number};
    settings.nickname = "swarm" + std::to_string(number);
    settings.host = address;
    settings.discovery = false;
    routers_.push_back(std::make_unique<gossip::MeshRouter>(
        std::move(settings), gossip::MeshPorts{scheduler_, random_, transport_, *overlay_}, Logger{}));
    if (auto const started = routers_.back()->start(); !started) {
      std::cerr << started.error().text() << '\n';
      std::exit(1);
    }
  }
  void dial(std::string const& address) { (void)routers_.back()->initiate({address}, false); }

  AsioScheduler scheduler_;
  SeededRandom random_{1};
  gossip::TcpTransport transport_;
  std::unique_ptr<gossip::Overlay> overlay_ = gossip::make_null_overlay();
  std::vector<std::unique_ptr<gossip::MeshRouter>> routers_;
  std::vector<std::string> addresses_;
};

void report_when_complete(Scheduler& scheduler, Swarm const& swarm, Timer& timer) {
  if (swarm.complete()) {
    std::cout << "ready" << std::endl;
    return;
  }
  timer = scheduler.after(std::chrono::milliseconds{200}, [&] { report_when_complete(scheduler, swarm, timer); });
}

} // namespace
} // namespace weave::bench

int main(int argc, char** argv) {
  using namespace weave;
  if (argc != 3) return 2;
  boost::asio::io_context context;
  AsioScheduler scheduler{context.get_executor()};
  Timer timer;
  bench::Swarm swarm{context, argv[1], static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10))};
  bench::report_when_complete(scheduler, swarm, timer);
  boost::asio::posix::stream_descriptor input{context, ::dup(STDIN_FILENO)};
  char byte = 0;
  input.async_read_some(boost::asio::buffer(&byte, 1), [&](auto const&, std::size_t) { context.stop(); });
  context.run();
  return 0;
}
