#include "datapath/tunnel/tunnel_switch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weave::datapath {

namespace {

/// `rtt=0.213ms loss=0%`: of the two directions the worse one.
std::map<std::string, std::string> quality_attributes(PathQuality const& quality) {
  std::map<std::string, std::string> attributes;
  if (quality.round_trip) {
    auto const milliseconds = std::chrono::duration<double, std::milli>{*quality.round_trip}.count();
    attributes.emplace(
        "rtt", milliseconds < 1000 ? fmt::format("{:.3g}ms", milliseconds) : fmt::format("{:.0f}ms", milliseconds));
  }
  if (quality.lost_in || quality.lost_out) {
    auto const worse = std::max(quality.lost_in.value_or(0), quality.lost_out.value_or(0));
    attributes.emplace("loss", fmt::format("{:.0f}%", worse * 100));
  }
  return attributes;
}

} // namespace

std::vector<std::string> common_overlays(std::vector<std::string> const& ours, std::string_view theirs) {
  auto const has = [theirs](std::string_view name) {
    for (auto rest = theirs; !rest.empty();) {
      auto const end = std::min(rest.find(' '), rest.size());
      if (rest.substr(0, end) == name) return true;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
  };
  std::vector<std::string> common;
  std::ranges::copy_if(ours, std::back_inserter(common), has);
  return common;
}

TunnelSwitch::TunnelSwitch(Scheduler& scheduler, Logger logger, TunnelConnectionParameters parameters)
    : scheduler_{scheduler}, logger_{std::move(logger)}, parameters_{std::move(parameters)} {}

Result<std::unique_ptr<TunnelSwitch>> TunnelSwitch::create(Scheduler& scheduler, Logger const& logger,
                                                           std::vector<ForwarderKind*> const& kinds,
                                                           TunnelConnectionParameters parameters) {
  auto subject = logger.with_subject(fmt::format("tunnel ->[{}]: ", parameters.peer.label()));
  std::unique_ptr<TunnelSwitch> made{new TunnelSwitch{scheduler, std::move(subject), std::move(parameters)}};
  made->prepare(kinds);
  if (!made->choose_best()) {
    return failure(ErrorKind::unavailable,
                   fmt::format("no working forwarders to {}{}", made->parameters_.peer.label(), made->problems()));
  }
  return made;
}

void TunnelSwitch::prepare(std::vector<ForwarderKind*> const& kinds) {
  // A kind that cannot be prepared keeps its index: the remote counts it.
  slots_.resize(kinds.size());
  for (std::size_t index = 0; index < kinds.size(); ++index) {
    auto& slot = slots_[index];
    slot.name = kinds[index]->name();
    auto forwarder = kinds[index]->prepare(parameters_.peer, events_of(index));
    if (forwarder) {
      slot.forwarder = std::move(*forwarder);
    } else {
      slot.problem = forwarder.error().text();
      logger_.warning("{} cannot be used: {}", slot.name, slot.problem);
    }
  }
}

/// Behind a colon; empty without any.
std::string TunnelSwitch::problems() const {
  std::string text;
  for (auto const& slot : slots_) {
    if (!slot.problem.empty()) text += (text.empty() ? ": " : "; ") + slot.problem;
  }
  return text;
}

ForwarderEvents TunnelSwitch::events_of(std::size_t index) {
  return {.send_control =
              [this, index](std::uint8_t sub_tag, Bytes payload) {
                later([this, index, sub_tag, payload = std::move(payload)] { send_control(index, sub_tag, payload); });
              },
          .established = [this, index] { later([this, index] { on_forwarder_established(index); }); },
          .failed =
              [this, index](Error error) {
                later([this, index, error = std::move(error)] { on_forwarder_failed(index, error); });
              },
          .health = [this,
                     index](bool healthy) { later([this, index, healthy] { on_forwarder_health(index, healthy); }); }};
}

void TunnelSwitch::later(std::function<void()> call) {
  scheduler_.post([alive = std::weak_ptr{alive_}, call = std::move(call)] {
    if (!alive.expired()) call();
  });
}

void TunnelSwitch::confirm() {
  for (auto& slot : slots_) {
    if (slot.forwarder) slot.forwarder->confirm();
  }
}

void TunnelSwitch::on_control(std::uint8_t tag, ByteView body) {
  if (compat()) {
    if (tag == kTagOverlayControl) return reject("overlay message on a connection without a switch");
    if (slots_[0].forwarder) slots_[0].forwarder->on_control(tag, body);
    return;
  }
  if (body.size() < 2) return reject("overlay message is too short");
  if (body[0] >= slots_.size()) return reject("overlay index is out of range");
  if (auto const& forwarder = slots_[body[0]].forwarder) forwarder->on_control(body[1], body.subspan(2));
}

void TunnelSwitch::reject(std::string_view why) {
  if (!std::exchange(rejected_, true)) logger_.warning("dropped a control message: {}", why);
}

void TunnelSwitch::send_control(std::size_t index, std::uint8_t sub_tag, Bytes const& payload) {
  if (gave_up_) return;
  // A copy, here and below: the callback may destroy the switch and the original with it.
  auto const send = parameters_.send_control;
  if (compat()) return send(sub_tag, payload);
  Bytes body{static_cast<std::uint8_t>(index), sub_tag};
  body.insert(body.end(), payload.begin(), payload.end());
  send(kTagOverlayControl, std::move(body));
}

void TunnelSwitch::on_forwarder_established(std::size_t index) {
  auto& slot = slots_[index];
  if (!slot.forwarder || gave_up_) return;
  slot.established = true;
  choose_best();
  if (std::exchange(reported_established_, true)) return;
  auto const report = parameters_.on_established;
  report();
}

void TunnelSwitch::on_forwarder_failed(std::size_t index, Error const& error) {
  auto& slot = slots_[index];
  if (!slot.forwarder) return;
  logger_.warning("{} has failed: {}", slot.name, error.text());
  slot.problem = error.text();
  slot.forwarder.reset();
  if (!choose_best()) give_up();
}

void TunnelSwitch::on_forwarder_health(std::size_t index, bool healthy) {
  slots_[index].on_hold = !healthy;
  if (!choose_best()) give_up();
}

bool TunnelSwitch::choose_best() {
  std::optional<std::size_t> best;
  for (std::size_t index = 0; index < slots_.size(); ++index) {
    auto const& slot = slots_[index];
    if (!slot.forwarder || slot.on_hold) continue;
    if (!best || (slot.established && !slots_[*best].established)) best = index;
  }
  if (best != best_) {
    if (best) logger_.info("using {}", slots_[*best].name);
    use(best);
    report_best();
  }
  return best.has_value();
}

void TunnelSwitch::use(std::optional<std::size_t> index) {
  auto const tell = [this](std::optional<std::size_t> which, bool in_use) {
    if (which && slots_[*which].forwarder) slots_[*which].forwarder->set_in_use(in_use);
  };
  tell(best_, false);
  best_ = index;
  tell(best_, true);
}

void TunnelSwitch::report_best() {
  if (!parameters_.on_best) return;
  later([this, name = best_ ? std::optional{slots_[*best_].name} : std::nullopt] {
    auto const report = parameters_.on_best;
    report(name);
  });
}

void TunnelSwitch::give_up() {
  if (std::exchange(gave_up_, true)) return;
  auto const report = parameters_.on_error;
  report(Error{ErrorKind::unavailable, fmt::format("no working forwarders to {}", parameters_.peer.label())});
}

std::map<std::string, std::string> TunnelSwitch::attributes() const {
  if (!best_) return {{"name", "none"}};
  auto attributes = attributes_of(slots_[*best_]);
  attributes.insert_or_assign("name", slots_[*best_].name);
  return attributes;
}

std::map<std::string, std::string> TunnelSwitch::attributes_of(Slot const& slot) {
  if (!slot.forwarder) return {};
  auto attributes = slot.forwarder->attributes();
  if (auto const quality = slot.forwarder->quality()) attributes.merge(quality_attributes(*quality));
  return attributes;
}

std::vector<TunnelState> TunnelSwitch::states() const {
  std::vector<TunnelState> all;
  for (auto const& slot : slots_) {
    bool const works = slot.forwarder && slot.established && !slot.on_hold;
    all.push_back({.name = slot.name,
                   .works = works,
                   .problem = works ? std::string{} : problem_of(slot),
                   .attributes = attributes_of(slot)});
  }
  return all;
}

std::map<std::string, PathQuality> TunnelSwitch::qualities() const {
  std::map<std::string, PathQuality> all;
  for (auto const& slot : slots_) {
    auto const quality = slot.forwarder ? slot.forwarder->quality() : std::nullopt;
    if (quality) all.emplace(slot.name, *quality);
  }
  return all;
}

std::string TunnelSwitch::explanation() const {
  std::vector<std::string> reasons;
  for (std::size_t index = 0; index < best_.value_or(slots_.size()); ++index) {
    auto const& slot = slots_[index];
    reasons.push_back(fmt::format("{}: {}", slot.name, problem_of(slot)));
  }
  return fmt::format("{}", fmt::join(reasons, "; "));
}

std::string TunnelSwitch::problem_of(Slot const& slot) const {
  auto reason = slot.forwarder ? slot.forwarder->explanation() : slot.problem;
  if (reason.empty()) reason = slot.established ? "on hold" : "not established yet";
  if (slot.forwarder) reason += shortage(*slot.forwarder);
  return reason;
}

std::string TunnelSwitch::shortage(Forwarder const& forwarder) const {
  std::optional<std::uint32_t> carried;
  for (auto const& slot : slots_) {
    if (slot.forwarder) carried = std::max(carried, slot.forwarder->carried_packet());
  }
  auto const needed = forwarder.needed_packet();
  if (!carried || *carried >= needed) return {};
  return fmt::format(" (the network carries packets of {} bytes to the peer, {} are needed: {} too many)", *carried,
                     needed, needed - *carried);
}

} // namespace weave::datapath
