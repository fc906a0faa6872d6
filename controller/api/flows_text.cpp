#include "controller/api/flows_text.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/status_text.hpp"

namespace weave::controller::api {
namespace {

constexpr std::string_view kTunnelId = "tun_id=0x";
constexpr std::uint64_t kShortIdBits = 12;

std::vector<std::uint64_t> tunnel_ids(std::string_view text) {
  std::vector<std::uint64_t> ids;
  for (auto at = text.find(kTunnelId); at != std::string_view::npos; at = text.find(kTunnelId, at)) {
    at += kTunnelId.size();
    std::uint64_t id = 0;
    auto const [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), id, 16);
    if (error == std::errc{}) ids.push_back(id);
  }
  return ids;
}

std::string owner_of(std::uint64_t short_id, std::vector<PeerStatus> const& peers) {
  PeerStatus const* owner = nullptr;
  for (auto const& peer : peers) {
    if (static_cast<std::uint64_t>(peer.short_id) != short_id) continue;
    if (owner == nullptr || peer.name < owner->name) owner = &peer;
  }
  return owner == nullptr ? "unknown" : full_name(owner->name, owner->nickname);
}

/// Nothing where packets were counted without their time.
std::string used_text(FlowStatus const& flow, std::chrono::milliseconds now) {
  if (!flow.used) return flow.packets == 0 ? "used:never, " : "";
  auto const ago = std::max(now - *flow.used, std::chrono::milliseconds{});
  return fmt::format("used:{}.{:03}s, ", ago.count() / 1000, ago.count() % 1000);
}

} // namespace

std::vector<TunnelPeers> tunnels_of(FlowStatus const& flow, std::vector<PeerStatus> const& peers) {
  std::vector<TunnelPeers> tunnels;
  for (auto const* text : {&flow.match, &flow.actions}) {
    for (auto const id : tunnel_ids(*text)) {
      if (std::ranges::find(tunnels, id, &TunnelPeers::id) != tunnels.end()) continue;
      tunnels.push_back({.id = id,
                         .source = owner_of(id & kShortIdMax, peers),
                         .destination = owner_of(id >> kShortIdBits & kShortIdMax, peers)});
    }
  }
  return tunnels;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  std::size_t depth = 0;
  std::string part;
  for (char const c : text) {
    if (c == ',' && depth == 0) {
      parts.push_back(std::move(part));
      part.clear();
      continue;
    }
    if (c == '(') ++depth;
    if (c == ')' && depth > 0) --depth;
    part += c;
  }
  if (!part.empty()) parts.push_back(std::move(part));
  return parts;
}

std::string flows_text(StatusReport const& report) {
  std::string text;
  if (!report.router || !report.router->fast_path) return text;
  auto const& status = *report.router->fast_path;
  for (auto const& flow : status.flows) {
    text += fmt::format("{}, packets:{}, bytes:{}, {}actions:{}", flow.match, flow.packets, flow.bytes,
                        used_text(flow, status.now), flow.actions);
    std::vector<std::string> comments;
    for (auto const& tunnel : tunnels_of(flow, report.router->peers)) {
      comments.push_back(fmt::format("{}{:x}: {}->{}", kTunnelId, tunnel.id, tunnel.source, tunnel.destination));
    }
    if (!comments.empty()) text += fmt::format(" # {}", fmt::join(comments, ", "));
    text += "\n";
  }
  return text;
}

} // namespace weave::controller::api
