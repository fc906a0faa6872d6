#include "tools/peer_probes.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <future>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

#include <fmt/format.h>

#include "base/unique_fd.hpp"

namespace weave::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kIpAndUdp = 20 + 8;
constexpr std::chrono::milliseconds kAnswerOfRouters{200};

std::chrono::milliseconds left_until(Clock::time_point end) {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()), std::chrono::milliseconds{0});
}

std::pair<std::string, std::uint16_t> split_target(std::string const& target, std::uint16_t default_port) {
  auto const colon = target.rfind(':');
  if (colon == std::string::npos) return {target, default_port};
  std::uint16_t port = 0;
  auto const* const end = target.data() + target.size();
  auto const [rest, error] = std::from_chars(target.data() + colon + 1, end, port);
  if (error != std::errc{} || rest != end) return {target, default_port};
  return {target.substr(0, colon), port};
}

std::optional<Ipv4Address> look_up(std::string const& name) {
  addrinfo const hints{.ai_flags = 0,
                       .ai_family = AF_INET,
                       .ai_socktype = SOCK_STREAM,
                       .ai_protocol = 0,
                       .ai_addrlen = 0,
                       .ai_addr = nullptr,
                       .ai_canonname = nullptr,
                       .ai_next = nullptr};
  addrinfo* found = nullptr;
  if (::getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) return std::nullopt;
  sockaddr_in address{};
  std::memcpy(&address, found->ai_addr, sizeof address);
  ::freeaddrinfo(found);
  return Ipv4Address{ntohl(address.sin_addr.s_addr)};
}

/// A name server that does not answer must not hold us up: the thread is left behind.
std::future<std::optional<Ipv4Address>> look_up_aside(std::string name) {
  std::promise<std::optional<Ipv4Address>> promise;
  auto future = promise.get_future();
  std::thread{[name = std::move(name), promise = std::move(promise)]() mutable {
    promise.set_value(look_up(name));
  }}.detach();
  return future;
}

sockaddr_in socket_address(Ipv4Endpoint const& place) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(place.port);
  address.sin_addr.s_addr = htonl(place.address.value());
  return address;
}

UniqueFd connected(Ipv4Endpoint const& place, int type, int& error) {
  UniqueFd socket{::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  auto const address = socket_address(place);
  error = 0;
  if (!socket || ::connect(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) {
    error = errno;
  }
  return socket;
}

/// One host under way.
struct Attempt {
  PeerProbe probe;
  UniqueFd tcp;
  UniqueFd udp;
  Clock::time_point began{};
  bool done = false;
};

void conclude(Attempt& attempt, int error) {
  attempt.done = true;
  attempt.probe.refused = error == ECONNREFUSED;
  if (error != 0) attempt.probe.obstacle = std::strerror(error);
  attempt.probe.delay = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - attempt.began);
}

void begin(Attempt& attempt, bool by_tcp, std::uint32_t packet) {
  auto const& place = *attempt.probe.place;
  attempt.began = Clock::now();
  int error = 0;
  if (by_tcp) attempt.tcp = connected(place, SOCK_STREAM, error);
  if (error != EINPROGRESS) conclude(attempt, error);
  attempt.udp = connected(place, SOCK_DGRAM, error);
  if (error != 0) return;
  int const do_not_cut = IP_PMTUDISC_DO;
  ::setsockopt(attempt.udp.get(), IPPROTO_IP, IP_MTU_DISCOVER, &do_not_cut, sizeof do_not_cut);
  std::string const payload(packet - kIpAndUdp, '\0');
  [[maybe_unused]] auto const sent = ::send(attempt.udp.get(), payload.data(), payload.size(), MSG_NOSIGNAL);
}

void await_tcp(std::vector<Attempt>& attempts, Clock::time_point end) {
  while (true) {
    std::vector<pollfd> polled;
    std::vector<Attempt*> whose;
    for (auto& attempt : attempts) {
      if (attempt.done) continue;
      polled.push_back({.fd = attempt.tcp.get(), .events = POLLOUT, .revents = 0});
      whose.push_back(&attempt);
    }
    if (polled.empty() || ::poll(polled.data(), polled.size(), static_cast<int>(left_until(end).count())) == 0) break;
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(polled[i].fd, SOL_SOCKET, SO_ERROR, &error, &size);
      conclude(*whose[i], error);
    }
  }
  for (auto& attempt : attempts) {
    if (!attempt.done) conclude(attempt, ETIMEDOUT);
  }
}

void see_udp(Attempt& attempt) {
  if (!attempt.udp) return;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(attempt.udp.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  attempt.probe.udp_refused = error == ECONNREFUSED;
  int mtu = 0;
  size = sizeof mtu;
  if (::getsockopt(attempt.udp.get(), IPPROTO_IP, IP_MTU, &mtu, &size) == 0 && mtu > 0) {
    attempt.probe.path_mtu = static_cast<std::uint32_t>(mtu);
  }
}

} // namespace

std::vector<PeerProbe> probe_peers(std::vector<PeerToProbe> const& peers, std::uint16_t default_port,
                                   std::uint32_t packet, std::chrono::milliseconds limit) {
  if (peers.empty()) return {};
  auto const end = Clock::now() + limit;
  std::vector<std::future<std::optional<Ipv4Address>>> addresses;
  for (auto const& peer : peers) addresses.push_back(look_up_aside(split_target(peer.target, default_port).first));
  std::vector<Attempt> attempts(peers.size());
  for (std::size_t i = 0; i < peers.size(); ++i) {
    auto& attempt = attempts[i];
    attempt.probe.target = peers[i].target;
    attempt.probe.source = peers[i].source;
    bool const answered = addresses[i].wait_for(left_until(end)) == std::future_status::ready;
    auto const address = answered ? addresses[i].get() : std::nullopt;
    if (!address) {
      attempt.probe.obstacle = answered ? "no such host" : "its name has not been found in time";
      attempt.done = true;
      continue;
    }
    attempt.probe.place = Ipv4Endpoint{*address, split_target(peers[i].target, default_port).second};
    begin(attempt, peers[i].by_tcp, packet);
  }
  await_tcp(attempts, end);
  // Routers answer at once or not at all.
  std::this_thread::sleep_until(std::min(end, Clock::now() + kAnswerOfRouters));
  std::vector<PeerProbe> probes;
  for (auto& attempt : attempts) {
    see_udp(attempt);
    probes.push_back(std::move(attempt.probe));
  }
  return probes;
}

} // namespace weave::tools
