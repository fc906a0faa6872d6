#include "tools/dns_query.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <span>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/http/endpoint.hpp"
#include "base/random.hpp"
#include "base/unique_fd.hpp"
#include "controller/dns/dns_message.hpp"

namespace weave::tools {
namespace {

namespace dns = controller::dns;
using Clock = std::chrono::steady_clock;

constexpr int kTries = 3;
/// What fits into a packet of any Ethernet.
constexpr std::uint16_t kUdpSize = 1232;

Error system_error(std::string_view what) {
  auto const kind = errno == ECONNREFUSED ? ErrorKind::unavailable : ErrorKind::system;
  return Error{kind, fmt::format("{}: {}", what, std::strerror(errno))};
}

Result<sockaddr_in> address_of(std::string const& server) {
  auto const endpoint = http::Endpoint::parse(server);
  if (!endpoint) return failure_of(endpoint);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint->port);
  if (!endpoint->host.empty() && ::inet_pton(AF_INET, endpoint->host.c_str(), &address.sin_addr) != 1) {
    return failure(ErrorKind::malformed, fmt::format("{} is not the address of a name server", server));
  }
  return address;
}

Result<UniqueFd> connect_to(sockaddr_in const& address, int type) {
  UniqueFd socket{::socket(AF_INET, type | SOCK_CLOEXEC, 0)};
  if (!socket) return std::unexpected{system_error("socket")};
  timeval const limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) {
    return std::unexpected{system_error("connect")};
  }
  return socket;
}

/// What the socket has next, or nothing when time is up.
Result<std::span<std::uint8_t>> receive(UniqueFd const& socket, std::span<std::uint8_t> room, Clock::time_point until) {
  auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  pollfd waiting{.fd = socket.get(), .events = POLLIN, .revents = 0};
  auto const ready = ::poll(&waiting, 1, left > 0 ? static_cast<int>(left) : 0);
  if (ready < 0) return std::unexpected{system_error("poll")};
  if (ready == 0) return failure(ErrorKind::timed_out, "no answer in time");
  auto const got = ::recv(socket.get(), room.data(), room.size(), 0);
  if (got < 0) return std::unexpected{system_error("recv")};
  return room.first(static_cast<std::size_t>(got));
}

/// A reply to `query`; what else arrives is passed over.
std::optional<dns::Message> reply_to(Bytes const& query, ByteView received) {
  auto const header = dns::Header::decode(received);
  if (!header || !header->response || header->id != dns::Header::decode(query)->id) return std::nullopt;
  auto message = dns::decode_message(received);
  if (message) return *std::move(message);
  // A truncated one may end anywhere.
  if (!header->truncated) return std::nullopt;
  return dns::Message{.header = *header, .questions = {}, .answers = {}, .authority = {}, .additional = {}, .edns = {}};
}

Result<dns::Message> ask_over_udp(sockaddr_in const& address, Bytes const& query, std::chrono::milliseconds patience) {
  auto const socket = connect_to(address, SOCK_DGRAM);
  if (!socket) return failure_of(socket);
  std::array<std::uint8_t, dns::kMaxMessageSize> room{};
  for (int i = 0; i < kTries; ++i) {
    if (::send(socket->get(), query.data(), query.size(), 0) < 0) return std::unexpected{system_error("send")};
    auto const until = Clock::now() + patience / kTries;
    while (true) {
      auto const received = receive(*socket, room, until);
      if (!received && received.error().kind() == ErrorKind::timed_out) break;
      if (!received) return failure_of(received);
      if (auto reply = reply_to(query, *received)) return *std::move(reply);
    }
  }
  return failure(ErrorKind::timed_out, "no answer in time");
}

Result<void> read_all(UniqueFd const& socket, std::span<std::uint8_t> room, Clock::time_point until) {
  while (!room.empty()) {
    auto const received = receive(socket, room, until);
    if (!received) return failure_of(received);
    if (received->empty()) return failure(ErrorKind::malformed, "the answer is cut off");
    room = room.subspan(received->size());
  }
  return {};
}

Result<dns::Message> ask_over_tcp(sockaddr_in const& address, Bytes const& query, std::chrono::milliseconds patience) {
  auto const socket = connect_to(address, SOCK_STREAM);
  if (!socket) return failure_of(socket);
  ByteWriter out;
  out.u16(static_cast<std::uint16_t>(query.size())).raw(query);
  if (::send(socket->get(), out.bytes().data(), out.bytes().size(), MSG_NOSIGNAL) < 0) {
    return std::unexpected{system_error("send")};
  }
  auto const until = Clock::now() + patience;
  std::array<std::uint8_t, 2> length{};
  if (auto const done = read_all(*socket, length, until); !done) return failure_of(done);
  Bytes answer(static_cast<std::size_t>(length[0]) << 8U | length[1]);
  if (auto const done = read_all(*socket, answer, until); !done) return failure_of(done);
  auto reply = reply_to(query, answer);
  if (!reply) return failure(ErrorKind::malformed, "the answer makes no sense");
  return *std::move(reply);
}

std::vector<std::string> texts_of(dns::Message const& reply) {
  std::vector<std::string> texts;
  for (auto const& record : reply.answers) {
    if (auto const* const address = std::get_if<Ipv4Address>(&record.data)) texts.push_back(address->to_string());
    if (auto const* const name = std::get_if<dns::DomainName>(&record.data)) texts.push_back(name->to_string());
  }
  return texts;
}

} // namespace

Result<std::vector<std::string>> ask_dns(std::string const& server, DnsQuestion const& question,
                                         std::chrono::milliseconds patience) {
  auto const address = address_of(server);
  if (!address) return failure_of(address);
  dns::Message query;
  query.header.id = static_cast<std::uint16_t>(SystemRandom{}.u64());
  query.header.recursion_desired = true;
  query.questions.push_back({.name = question.name, .type = question.type, .klass = dns::kClassInternet});
  query.edns.emplace().udp_size = kUdpSize;
  auto const bytes = dns::encode_message(query);
  auto reply = ask_over_udp(*address, bytes, patience);
  if (reply && reply->header.truncated) reply = ask_over_tcp(*address, bytes, patience);
  if (!reply) return failure_of(reply);
  auto const rcode = reply->header.rcode;
  if (rcode != dns::Rcode::no_error && rcode != dns::Rcode::name_error) {
    return failure(ErrorKind::system,
                   fmt::format("the name server cannot answer (code {})", std::to_underlying(rcode)));
  }
  return texts_of(*reply);
}

} // namespace weave::tools
