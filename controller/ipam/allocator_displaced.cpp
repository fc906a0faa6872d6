#include <fmt/format.h>

#include "controller/ipam/allocator.hpp"
#include "controller/ipam/ranges.hpp"

namespace weave::controller::ipam {
namespace {

constexpr auto kRepeatConflictLog = std::chrono::minutes{5};
/// Each address asked back costs its owner a broadcast of the ring.
constexpr int kMaxAskedBack = 16;

} // namespace

void Allocator::report_conflict(std::string const& text, PeerName other, Duration shown_for) {
  // Two peers that disagree about a range still have working containers; cutting their link would help nobody.
  auto const now = ports_.scheduler.now();
  if (conflict_.text != text || now - conflict_.at > kRepeatConflictLog) {
    ports_.log.error("IP allocation conflict with {}: {}", describe(other), text);
  }
  conflict_ = {text, other, now, now + shown_for};
}

void Allocator::end_conflict(PeerName other) {
  if (conflict_.from == other) conflict_.shown_until = ports_.scheduler.now();
}

void Allocator::ask_back() {
  auto const& displaced = book_.displaced();
  std::erase_if(contested_, [&](Ipv4Address address) {
    if (displaced.contains(address)) return false;
    if (auto const* const holder = book_.owned().holder(address)) {
      ports_.log.info("IP allocation: address {} of {} is ours again", address.to_string(), *holder);
    }
    return true;
  });
  if (shut_down_) return;
  int asked = 0;
  for (auto const address : displaced) {
    if (asked >= kMaxAskedBack) break;
    if (ask_for_space(just(address), {{book_.ring().owner(address), 1}})) ++asked;
  }
}

void Allocator::note_contested(Ipv4Range range, PeerName owner) {
  if (range != just(range.start) || !book_.displaced().contains(range.start)) return;
  if (book_.ring().owner(range.start) != owner || !contested_.insert(range.start).second) return;
  ports_.log.error("IP allocation: address {} of {} is in use at peer {} as well; stop one of the two",
                   range.start.to_string(), *book_.owned().holder(range.start), describe(owner));
}

std::string Allocator::displaced_text() const {
  auto const& displaced = book_.displaced();
  if (displaced.empty()) return {};
  // One in use twice is worse than one that has not been given back yet.
  auto const worst = contested_.empty() ? *displaced.begin() : *contested_.begin();
  auto const* const holder = book_.owned().holder(worst);
  auto const owner = book_.ring().owner(worst);
  auto text = fmt::format("address {} of {} belongs to peer {}", worst.to_string(), holder == nullptr ? "?" : *holder,
                          describe(owner));
  if (contested_.contains(worst)) {
    text += ", which has it in use as well: stop one of the two";
  } else if (!ports_.mesh.is_known(owner)) {
    text += ", which cannot be reached (use 'rmpeer' if dead)";
  } else {
    text += ", which has been asked for it";
  }
  if (displaced.size() > 1) text += fmt::format(", and {} more", displaced.size() - 1);
  return text;
}

} // namespace weave::controller::ipam
