#include "gossip/connection_maker.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "base/address.hpp"

namespace weave::gossip {
namespace {

constexpr Duration kLongLived = std::chrono::seconds{60};
/// Long enough that a pair which drops each other's connections in turn is not sped up.
constexpr Duration kWorked = std::chrono::seconds{2};
constexpr Duration kRefreshDelay = std::chrono::milliseconds{100};
/// Topology can claim any number of addresses; direct peers are always dialled at once.
constexpr std::size_t kParallelDiscoveredAttempts = 128;

[[nodiscard]] bool is_literal_address(std::string const& host) {
  return host.find(':') != std::string::npos || Ipv4Address::parse(host).has_value();
}

} // namespace

ConnectionMaker::ConnectionMaker(Settings settings, PeerTable const& peers, Transport& transport, Scheduler& scheduler,
                                 RandomSource& random, Logger logger, Handlers handlers)
    : settings_{settings},
      peers_{peers},
      transport_{transport},
      scheduler_{scheduler},
      random_{random},
      logger_{std::move(logger)},
      handlers_{std::move(handlers)} {}

std::vector<Error> ConnectionMaker::initiate(std::vector<std::string> const& peers, bool replace) {
  if (replace) direct_.clear();
  std::vector<Error> errors;
  for (auto const& text : peers) {
    if (auto const added = add_direct(text); !added) errors.push_back(added.error());
  }
  if (handlers_.on_direct_peers_changed) handlers_.on_direct_peers_changed();
  evaluate();
  return errors;
}

void ConnectionMaker::forget(std::vector<std::string> const& peers) {
  for (auto const& text : peers) direct_.erase(text);
  if (handlers_.on_direct_peers_changed) handlers_.on_direct_peers_changed();
  evaluate();
}

std::vector<std::string> ConnectionMaker::direct_peers() const {
  std::vector<std::string> texts;
  for (auto const& [text, peer] : direct_) texts.push_back(text);
  return texts;
}

void ConnectionMaker::refresh() {
  if (std::exchange(is_refreshing_, true)) return;
  refresh_ = scheduler_.after(kRefreshDelay, [this] { evaluate(); });
}

void ConnectionMaker::stop() {
  is_stopped_ = true;
  timer_.reset();
  refresh_.reset();
  targets_.clear();
  for (auto& [text, peer] : direct_) peer.resolving.reset();
}

void ConnectionMaker::on_connection_added(std::string const& address) {
  if (auto const at = targets_.find(address); at != targets_.end()) at->second.state = State::connected;
}

void ConnectionMaker::on_connection_ended(std::string const& address, bool outbound, PeerName remote,
                                          Error const& error, Ending ending) {
  if (ending != Ending::connected_to_ourself) ++termination_count_;
  auto const at = outbound ? targets_.find(address) : targets_.end();
  if (at != targets_.end() && (at->second.state == State::attempting || at->second.state == State::connected)) {
    auto& target = at->second;
    auto const now = scheduler_.now();
    auto const was_connected = target.state == State::connected;
    target.state = State::waiting;
    target.last_error = error.text();
    target.duplicate_of = ending == Ending::duplicate ? remote : kUnknownPeer;
    if (ending == Ending::name_collision || ending == Ending::connected_to_ourself) {
      target.retry.retry_never();
    } else if (target.retry.due() && now > *target.retry.due() + kLongLived) {
      target.retry.retry_soon(now);
      target.retry.expect_restart();
    } else if (was_connected && target.retry.due() && now > *target.retry.due() + kWorked) {
      target.retry.expect_restart();
      target.retry.retry_later(now, random_);
    } else {
      target.retry.retry_later(now, random_);
    }
  }
  refresh();
}

std::vector<ConnectionStatus> ConnectionMaker::status() const {
  std::vector<ConnectionStatus> lines;
  auto const add = [&](std::string const& address, bool is_busy, std::string const& error, RetrySchedule const& retry) {
    ConnectionStatus line;
    line.address = address;
    line.last_error = error;
    if (is_busy) {
      line.state = error.empty() ? ConnectionState::connecting : ConnectionState::retrying;
    } else {
      line.state = error.empty() ? ConnectionState::waiting : ConnectionState::failed;
      line.retry_at = wall_time(retry.due());
    }
    lines.push_back(std::move(line));
  };
  for (auto const& [address, target] : targets_) {
    if (target.state == State::connected || target.state == State::suspended) continue;
    add(address, target.state == State::attempting, target.last_error, target.retry);
  }
  for (auto const& [text, peer] : direct_) {
    if (peer.address.empty()) add(text, peer.resolving != nullptr, peer.last_error, peer.retry);
  }
  return lines;
}

Result<void> ConnectionMaker::add_direct(std::string const& text) {
  auto typed = TargetAddress::parse(text);
  if (!typed) return failure_of(typed);
  auto const now = scheduler_.now();
  auto const [at, is_new] = direct_.try_emplace(text, DirectPeer{.typed = *typed, .retry = RetrySchedule{now}});
  auto& peer = at->second;
  if (is_new && is_literal_address(typed->host)) {
    peer.is_literal = true;
    peer.ip = typed->host;
    peer.address = join_host_port(peer.ip, typed->port.value_or(settings_.port));
  }
  peer.retry.retry_now(now);
  if (peer.address.empty()) {
    peer.try_now = true;
  } else {
    try_target_now(peer.address);
  }
  return {};
}

void ConnectionMaker::evaluate() {
  if (is_stopped_) return;
  is_refreshing_ = false;
  refresh_.reset();
  timer_.reset();
  next_due_.reset();
  Wanted wanted;
  add_wanted_direct(wanted);
  add_wanted_discovered(wanted);
  auto const& ours = peers_.ourself().connections;
  for (auto const& [remote, connection] : ours) wanted.erase(connection.address);
  std::erase_if(wanted, [&](auto const& wish) {
    auto const target = targets_.find(wish.first);
    return target != targets_.end() && ours.contains(target->second.duplicate_of);
  });
  for (auto const& [address, direct] : wanted) {
    targets_.try_emplace(address, Target{.retry = RetrySchedule{scheduler_.now()}});
  }
  std::set<std::string_view> direct_addresses;
  for (auto const& [text, peer] : direct_) direct_addresses.insert(peer.address);
  for (auto at = targets_.begin(); at != targets_.end();) {
    auto& [address, target] = *at;
    auto const wish = wanted.find(address);
    auto const is_wanted = wish != wanted.end();
    bool const is_open = target.state == State::connected || (target.state == State::attempting && !target.dialling);
    if (is_open || (is_wanted && target.dialling)) {
      ++at;
    } else if (is_wanted) {
      consider(address, target, wish->second);
      ++at;
    } else if (direct_addresses.contains(address)) {
      if (!target.dialling) target.state = State::suspended;
      ++at;
    } else {
      if (target.dialling) --attempts_;
      at = targets_.erase(at);
    }
  }
  if (!next_due_) return;
  // Thousands of invented targets are due at thousands of moments: never more often than topology news.
  timer_ = scheduler_.after(std::max(*next_due_ - scheduler_.now(), kRefreshDelay), [this] { evaluate(); });
}

void ConnectionMaker::add_wanted_direct(Wanted& wanted) {
  std::set<std::string> inbound_ips;
  for (auto const& [remote, connection] : peers_.ourself().connections) {
    if (connection.outbound) continue;
    if (auto const parts = split_host_port(connection.address)) inbound_ips.insert(parts->first);
  }
  for (auto& [text, peer] : direct_) {
    if (peer.address.empty()) {
      if (peer.resolving) continue;
      if (peer.retry.is_due(scheduler_.now())) {
        resolve(peer);
      } else {
        wake_at(peer.retry.due());
      }
    } else if (peer.typed.port || !inbound_ips.contains(peer.ip)) {
      wanted[peer.address] = true;
    }
  }
}

void ConnectionMaker::add_wanted_discovered(Wanted& wanted) const {
  if (!settings_.discovery) return;
  auto const& ours = peers_.ourself().connections;
  // Most of what a mesh says of addresses it says many times.
  std::unordered_set<std::string_view> seen;
  peers_.for_each([&](Peer const& peer) {
    if (peer.name == peers_.our_name()) return;
    for (auto const& [remote, connection] : peer.connections) {
      if (remote == peers_.our_name() || ours.contains(remote)) continue;
      std::string_view const text = connection.address;
      // The port of an inbound connection is ephemeral; a mesh shares one listening port.
      auto const told = connection.outbound ? text : text.substr(0, text.rfind(':'));
      if (seen.contains(told)) continue;
      auto const parts = split_host_port(text);
      if (!parts) continue;
      seen.insert(told);
      wanted.try_emplace(connection.outbound ? connection.address : join_host_port(parts->first, settings_.port),
                         false);
    }
  });
}

void ConnectionMaker::consider(std::string const& address, Target& target, bool is_direct) {
  target.state = State::waiting;
  if (!target.retry.due()) return;
  if (!target.retry.is_due(scheduler_.now())) {
    wake_at(target.retry.due());
    return;
  }
  if (auto* const peer = stale_direct_peer(address)) {
    if (!peer->resolving) resolve(*peer);
    return;
  }
  attempt(address, target, is_direct);
}

void ConnectionMaker::attempt(std::string const& address, Target& target, bool is_direct) {
  if (!is_direct && attempts_ >= kParallelDiscoveredAttempts) return;
  for (auto& [text, peer] : direct_) {
    if (peer.address == address) peer.is_fresh = false;
  }
  if (settings_.connection_limit != 0 && peers_.ourself().connections.size() >= settings_.connection_limit) {
    target.last_error = fmt::format("Connection limit reached ({})", settings_.connection_limit);
    target.retry.retry_later(scheduler_.now(), random_);
    wake_at(target.retry.due());
    return;
  }
  target.state = State::attempting;
  ++attempts_;
  logger_.info("->[{}] attempting connection", address);
  target.dialling = transport_.dial(address, [this, address, is_direct](Result<std::unique_ptr<ByteStream>> outcome) {
    on_dialled(address, is_direct, std::move(outcome));
  });
}

void ConnectionMaker::on_dialled(std::string const& address, bool accept_new_peer,
                                 Result<std::unique_ptr<ByteStream>> outcome) {
  auto const at = targets_.find(address);
  if (at == targets_.end()) return;
  auto& target = at->second;
  --attempts_;
  dispose(std::move(target.dialling));
  if (outcome) {
    handlers_.on_dialled(std::move(*outcome), address, accept_new_peer);
    return;
  }
  logger_.info("->[{}] error during connection attempt: {}", address, outcome.error().text());
  target.state = State::waiting;
  target.last_error = outcome.error().text();
  target.retry.retry_later(scheduler_.now(), random_);
  refresh();
}

ConnectionMaker::DirectPeer* ConnectionMaker::stale_direct_peer(std::string const& address) {
  for (auto& [text, peer] : direct_) {
    if (peer.address == address && !peer.is_literal && !peer.is_fresh) return &peer;
  }
  return nullptr;
}

void ConnectionMaker::resolve(DirectPeer& peer) {
  auto const at = std::find_if(direct_.begin(), direct_.end(), [&](auto const& each) { return &each.second == &peer; });
  peer.resolving = transport_.resolve(
      peer.typed.host,
      [this, text = at->first](Result<std::vector<std::string>> outcome) { on_resolved(text, std::move(outcome)); });
}

void ConnectionMaker::on_resolved(std::string const& text, Result<std::vector<std::string>> outcome) {
  auto const at = direct_.find(text);
  if (at == direct_.end()) return;
  auto& peer = at->second;
  dispose(std::move(peer.resolving));
  if (outcome && outcome->empty())
    outcome = failure(ErrorKind::not_found, "lookup " + peer.typed.host + ": no addresses");
  if (outcome) {
    peer.last_error.clear();
    move_to(text, peer, *outcome);
  } else if (peer.address.empty()) {
    if (peer.last_error != outcome.error().text()) {
      logger_.warning("cannot resolve peer {}: {}", text, outcome.error().text());
    }
    peer.last_error = outcome.error().text();
    peer.retry.retry_later(scheduler_.now(), random_);
  }
  // Without an answer the address it had before is as good a guess as any.
  peer.is_fresh = !peer.address.empty();
  evaluate();
}

void ConnectionMaker::move_to(std::string const& text, DirectPeer& peer, std::vector<std::string> const& ips) {
  // After a failure the next of several addresses gets its turn.
  auto const current = std::find(ips.begin(), ips.end(), peer.ip);
  auto const following = current == ips.end() ? ips.begin() : current + 1;
  auto const& ip = following == ips.end() ? ips.front() : *following;
  auto const address = join_host_port(ip, peer.typed.port.value_or(settings_.port));
  auto const previous = targets_.find(peer.address);
  if (address != peer.address) {
    auto const [target, is_new] = targets_.try_emplace(address, Target{.retry = RetrySchedule{scheduler_.now()}});
    if (is_new && previous != targets_.end()) {
      target->second.last_error = previous->second.last_error;
      target->second.retry.inherit(previous->second.retry, scheduler_.now());
    }
    if (!peer.address.empty()) logger_.info("peer {} is now at {} (was {})", text, address, peer.address);
    peer.ip = ip;
    peer.address = address;
  }
  if (std::exchange(peer.try_now, false)) try_target_now(address);
}

void ConnectionMaker::try_target_now(std::string const& address) {
  auto const at = targets_.find(address);
  if (at == targets_.end()) return;
  at->second.retry.retry_now(scheduler_.now());
  at->second.duplicate_of = kUnknownPeer;
}

void ConnectionMaker::wake_at(std::optional<TimePoint> due) {
  if (due && (!next_due_ || *due < *next_due_)) next_due_ = due;
}

void ConnectionMaker::dispose(std::unique_ptr<Operation> operation) {
  // The operation is finishing on the stack below: let it go afterwards.
  scheduler_.post([gone = std::shared_ptr<Operation>{std::move(operation)}] {});
}

std::optional<WallTime> ConnectionMaker::wall_time(std::optional<TimePoint> due) const {
  if (!due) return std::nullopt;
  return scheduler_.wall_now() + std::chrono::duration_cast<WallTime::duration>(*due - scheduler_.now());
}

} // namespace weave::gossip
