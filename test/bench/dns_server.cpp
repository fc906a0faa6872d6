// The DNS server alone, for dnsperf: bench-dns-server ADDRESS PORT NAMES [THREADS]
//   answers for h<n>.weave.local. with one address each; prints "ready"; ends with its standard input and then prints
//   how many queries it has answered and how much processor time they took.
#include <cstdlib>
#include <iostream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/async/asio_scheduler.hpp"
#include "controller/dns/server.hpp"

namespace weave::bench {
namespace {

controller::dns::NameSnapshot names(std::uint32_t count) {
  controller::dns::NameSnapshot snapshot;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto const name = "h" + std::to_string(i) + ".weave.local.";
    Ipv4Address const address{0x0a20'0001 + i};
    snapshot.set_addresses(name, {address});
    snapshot.set_names(address, {name});
  }
  return snapshot;
}

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto const seconds = [](timeval const& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int serve(controller::dns::ServerOptions options, std::uint32_t count) {
  boost::asio::io_context context;
  AsioScheduler scheduler{context.get_executor()};
  SystemRandom random;
  controller::dns::PublishedNames published;
  published.publish(names(count));
  controller::dns::Server server{context, scheduler, random, published, std::move(options)};
  if (auto const started = server.start(); !started) {
    std::cerr << started.error().text() << '\n';
    return EXIT_FAILURE;
  }
  auto const before = processor_seconds();
  std::cout << "ready" << std::endl;
  boost::asio::posix::stream_descriptor input{context, ::dup(STDIN_FILENO)};
  input.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [&context](boost::system::error_code const&) { context.stop(); });
  context.run();
  auto const statistics = server.statistics();
  std::cout << statistics.udp.queries << " queries, " << processor_seconds() - before << " s of processor time\n";
  return EXIT_SUCCESS;
}

} // namespace
} // namespace weave::bench

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: bench-dns-server ADDRESS PORT NAMES [THREADS]\n";
    return 2;
  }
  weave::controller::dns::ServerOptions options;
  options.listen = {{.host = argv[1], .port = static_cast<std::uint16_t>(std::stoul(argv[2]))}};
  if (argc > 4) options.threads = static_cast<unsigned>(std::stoul(argv[4]));
  return weave::bench::serve(std::move(options), static_cast<std::uint32_t>(std::stoul(argv[3])));
}
