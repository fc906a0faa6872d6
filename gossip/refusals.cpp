#include "gossip/refusals.hpp"

#include "gossip/target_address.hpp"

namespace weave::gossip {
namespace {

std::string host_of(std::string const& address) {
  auto const parts = split_host_port(address);
  return parts ? parts->first : address;
}

} // namespace

void Refusals::note(std::string const& address, Error const& why, TimePoint now) {
  forget(address);
  if (refusals_.size() >= kMax) refusals_.erase(refusals_.begin());
  refusals_.push_back({.host = host_of(address), .address = address, .why = why.text(), .at = now});
}

void Refusals::forget(std::string const& address) {
  std::erase_if(refusals_, [host = host_of(address)](Refusal const& refusal) { return refusal.host == host; });
}

std::vector<ConnectionStatus> Refusals::status(TimePoint now) const {
  std::vector<ConnectionStatus> lines;
  for (auto const& refusal : refusals_) {
    if (now - refusal.at >= kKept) continue;
    ConnectionStatus line;
    line.address = refusal.address;
    line.outbound = false;
    line.state = ConnectionState::failed;
    line.last_error = refusal.why;
    lines.push_back(std::move(line));
  }
  return lines;
}

} // namespace weave::gossip
