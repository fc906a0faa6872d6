#include "controller/ipam/address_book.hpp"

#include <algorithm>
#include <utility>

namespace weave::controller::ipam {

std::string filing_id(std::string_view id, Ipv4Address address) {
  return id == kAnonymous ? address.to_string() : std::string{id};
}

void AddressBook::saved() {
  ring_changed_ = false;
  owned_.saved();
}

void AddressBook::recall(std::string const& id, OwnedAddresses const& row) {
  bool complete = true;
  for (auto const& cidr : row.cidrs) complete = owned_.record(id, row.is_container, cidr) && complete;
  if (!complete) owned_.mark_changed(id);
}

void AddressBook::adopt(Ring ring) {
  ring_ = std::move(ring);
  follow_ring();
}

void AddressBook::follow_ring() {
  auto const recorded = owned_.addresses_in(ring_.universe());
  space_.follow(ring_.owned_ranges(ring_.self()), recorded);
  displaced_.clear();
  if (ring_.empty()) return;
  for (auto const address : recorded) {
    if (!space_.allocated().contains(address)) displaced_.insert(address);
  }
}

void AddressBook::form(std::vector<PeerName> seeds) {
  ring_.form(std::move(seeds));
  ring_changed_ = true;
  follow_ring();
}

std::expected<MergeNews, MergeError> AddressBook::merge(RingState const& theirs) {
  MergeNews news;
  auto outcome = ring_.merge(theirs, space_.allocated());
  if (!outcome && outcome.error().kind == MergeError::Kind::conflict) {
    if (!outcome.error().contested.empty()) news.conflict = outcome.error().text;
    outcome = ring_.settle(theirs);
  }
  if (!outcome) return std::unexpected{outcome.error()};
  news.updated = outcome->updated;
  news.restated = ring_.restate(outcome->restate);
  if (outcome->changed || news.restated) ring_changed_ = true;
  if (outcome->updated) follow_ring();
  return news;
}

std::optional<Ipv4Range> AddressBook::donate(Ipv4Range request, PeerName to) {
  auto const given = space_.donate(request);
  if (!given) return std::nullopt;
  auto const granted = ring_.grant(*given, to);
  ring_changed_ = true;
  follow_ring();
  if (!granted) return std::nullopt;
  return given;
}

std::uint32_t AddressBook::take_over(PeerName from) {
  auto const before = space_.free().count();
  if (ring_.transfer(from, ring_.self()).empty()) return 0;
  ring_changed_ = true;
  follow_ring();
  return space_.free().count() - before;
}

void AddressBook::hand_over(PeerName heir) {
  ring_.transfer(ring_.self(), heir);
  ring_changed_ = true;
  space_.clear();
}

void AddressBook::update_free_counts() {
  if (ring_.report_free([this](Ipv4Range range) { return space_.free().count_in(range); })) ring_changed_ = true;
}

std::optional<Ipv4Cidr> AddressBook::allocate(std::string_view id, bool is_container, Ipv4Cidr subnet) {
  while (auto const address = space_.allocate(subnet.host_range())) {
    Ipv4Cidr const cidr{*address, subnet.prefix};
    if (owned_.record(filing_id(id, *address), is_container, cidr)) return cidr;
  }
  return std::nullopt;
}

bool AddressBook::take(std::string_view id, bool is_container, Ipv4Cidr cidr) {
  if (owned_.holder(cidr.address) != nullptr) return false;
  if (ring_.universe().contains(cidr.address) && !space_.claim(cidr.address)) return false;
  return owned_.record(filing_id(id, cidr.address), is_container, cidr);
}

bool AddressBook::note_displaced(std::string_view id, bool is_container, Ipv4Cidr cidr) {
  if (!owned_.record(filing_id(id, cidr.address), is_container, cidr)) return false;
  if (!ring_.empty()) displaced_.insert(cidr.address);
  return true;
}

bool AddressBook::release(std::string_view id, Ipv4Address address) {
  if (!owned_.remove(id, address)) return false;
  space_.release(address);
  displaced_.erase(address);
  return true;
}

bool AddressBook::release_all(std::string_view id) {
  auto const cidrs = owned_.remove_all(id);
  for (auto const& cidr : cidrs) {
    space_.release(cidr.address);
    displaced_.erase(cidr.address);
  }
  return !cidrs.empty();
}

bool AddressBook::release_displaced(std::string_view id) {
  std::vector<Ipv4Address> lost;
  if (auto const* const row = owned_.find(id)) {
    for (auto const& cidr : row->cidrs) {
      if (displaced_.contains(cidr.address)) lost.push_back(cidr.address);
    }
  }
  for (auto const address : lost) release(id, address);
  return !lost.empty();
}

} // namespace weave::controller::ipam
