// What a stranger says about itself before it is believed in anything.
#include "gossip/features.hpp"
#include "test/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave;
  auto const features = gossip::decode_features(fuzz::FuzzInput{data, size}.rest());
  if (!features) return 0;
  auto const again = gossip::decode_features(gossip::encode_features(*features));
  fuzz::demand(again && *again == *features, "features survive the wire");
  auto const identity = gossip::parse_features(*features);
  if (!identity) return 0;
  auto const same = gossip::parse_features(gossip::make_features(*identity));
  fuzz::demand(same && *same == *identity, "an identity survives its features");
  return 0;
}
