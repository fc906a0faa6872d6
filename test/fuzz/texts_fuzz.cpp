// Names and addresses as people and peers write them.
#include <string>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "controller/ipam/formation.hpp"
#include "gossip/target_address.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

/// A value that could be read can be written and read again.
template <class T>
void round_trip(std::string_view text) {
  auto const value = T::parse(text);
  if (!value) return;
  auto const again = T::parse(value->to_string());
  demand(again && *again == *value, "a value survives its text");
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave;
  auto const bytes = fuzz::FuzzInput{data, size}.rest();
  auto const text = as_text(bytes);
  fuzz::round_trip<MacAddress>(text);
  fuzz::round_trip<Ipv4Address>(text);
  fuzz::round_trip<Ipv4Cidr>(text);
  fuzz::round_trip<PeerName>(text);
  (void)Ipv4Cidr::parse_subnet(text);
  (void)gossip::TargetAddress::parse(text);
  if (auto const parts = gossip::split_host_port(text)) {
    auto const again = gossip::split_host_port(gossip::join_host_port(parts->first, parts->second));
    fuzz::demand(again == parts, "an endpoint survives its text");
  }
  (void)controller::ipam::parse_formation(text);
  return 0;
}
