#include <algorithm>

#include <fmt/format.h>

#include "controller/api/health.hpp"
#include "controller/api/status_text.hpp"

namespace weave::controller::api {
namespace {

constexpr auto kRouter = "router";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// `weave forget` takes what the host was called when it was named; connections have its address.
std::string forgetting(ConnectionStatus const& connection, RouterStatus const& router) {
  // Whoever dialled us did so from a port of the moment, which is no target.
  if (!connection.outbound) return "nothing, if that host is none of yours";
  auto const& address = connection.address;
  auto const named = std::ranges::find_if(
      router.targets, [&](auto const& target) { return address == target || address.starts_with(target + ":"); });
  if (named != router.targets.end()) return fmt::format("'weave forget {}' if that host is gone for good", *named);
  return "'weave forget' with its name in 'weave status targets' if that host is gone for good";
}

/// What to do about a connection that cannot be made, by the words of its last error.
std::string remedy(ConnectionStatus const& connection, RouterStatus const& router) {
  auto const& error = connection.error;
  auto const port = router.port;
  auto const forget = forgetting(connection, router);
  if (has(error, "encryption is required")) {
    return "take the other host out of '--trusted-subnets', or launch both without '--require-encryption'";
  }
  if (has(error, "needs an IPv4 connection")) return "'weave connect' with its IPv4 address instead; " + forget;
  if (has(error, "lookup ")) return "correct the name, or the name service of this host; " + forget;
  if (has(error, "password") || has(error, "decrypt")) {
    return "'weave launch --password-file FILE' with the same password on both hosts";
  }
  if (has(error, "peer names collision")) return "'weave launch --name' with another name on one of the two hosts";
  if (has(error, "Connection limit")) return "'weave launch --conn-limit' with a higher limit";
  if (has(error, "seeded by different peers") || has(error, "IP allocation")) {
    return "'weave reset' on the host that is to join the network of the other, then 'weave launch' there";
  }
  if (has(error, "efused") || has(error, "EOF")) {
    return fmt::format("'weave status' there shows whether weave runs, on TCP port {}; {}", port, forget);
  }
  if (has(error, "version")) return "a newer weave on the older of the two hosts";
  return fmt::format(
      "let TCP and UDP port {} and UDP port {} pass between the hosts, and see that weave runs there; {}", port,
      port + 1, forget);
}

std::string who(ConnectionStatus const& connection) {
  auto const address = connection.address;
  return connection.peer.is_unknown()
             ? address
             : fmt::format("{} at {}", full_name(connection.peer, connection.nickname), address);
}

std::int64_t mtu_of(ConnectionStatus const& connection) {
  auto const mtu = connection.attributes.find("mtu");
  auto const* const number = mtu == connection.attributes.end() ? nullptr : std::get_if<std::int64_t>(&mtu->second);
  return number == nullptr ? 0 : *number;
}

constexpr auto kLargerPackets =
    "let larger packets pass between the hosts, or 'weave launch --mtu' on all hosts with an MTU that is smaller by "
    "that much";

std::optional<Trouble> trouble_of_established(ConnectionStatus const& connection, RouterStatus const& router) {
  Trouble trouble{.subject = kRouter, .what = {}, .cause = {}, .next = {}, .degraded = true};
  auto const mtu = mtu_of(connection);
  if (!connection.explanation.empty()) {
    trouble.what =
        fmt::format("traffic with {} goes by {}, not by the kernel fast path", who(connection), connection.overlay);
    trouble.cause = connection.explanation;
    trouble.next =
        has(connection.explanation, "the network carries packets")
            ? std::string{kLargerPackets}
            : fmt::format("let UDP port {} pass in both directions; 'weave doctor' looks for more", router.port + 1);
    return trouble;
  }
  if (mtu == 0 || mtu >= router.mtu) return std::nullopt;
  trouble.what = fmt::format("large packets to {} are cut into pieces", who(connection));
  trouble.cause = fmt::format(
      "the network between the hosts carries {} bytes of a container's packet, and containers "
      "send {}: {} too many",
      mtu, router.mtu, router.mtu - mtu);
  trouble.next = kLargerPackets;
  return trouble;
}

} // namespace

std::optional<Trouble> trouble_of(ConnectionStatus const& connection, RouterStatus const& router) {
  if (leads_to_ourself(connection.error)) return std::nullopt;
  Trouble trouble{.subject = kRouter,
                  .what = fmt::format("connection with {} is {}", who(connection), to_string(connection.state)),
                  .cause = connection.error,
                  .next = remedy(connection, router)};
  switch (connection.state) {
    case ConnectionState::established: return trouble_of_established(connection, router);
    case ConnectionState::pending:
      trouble.cause = connection.explanation.empty() ? "no probe by UDP has been answered" : connection.explanation;
      trouble.next = fmt::format("let UDP ports {} and {} pass between the hosts", router.port, router.port + 1);
      break;
    case ConnectionState::failed:
    case ConnectionState::retrying:
      if (trouble.cause.empty()) trouble.cause = "it ended";
      // Anybody may dial us; whom we dial matters.
      trouble.degraded = !connection.outbound;
      break;
    case ConnectionState::connecting:
    case ConnectionState::waiting:
      if (trouble.cause.empty()) trouble.cause = "nobody has answered yet";
      break;
  }
  return trouble;
}

} // namespace weave::controller::api
