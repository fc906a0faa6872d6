#include "gossip/gossip_message.hpp"

#include "gossip/gob/decoder.hpp"
#include "gossip/gob/encoder.hpp"

namespace weave::gossip {

Result<GossipMessage> decode_gossip_message(std::uint8_t tag, ByteView body) {
  bool const is_unicast = tag == static_cast<std::uint8_t>(MessageTag::unicast);
  if (!is_unicast && tag != static_cast<std::uint8_t>(MessageTag::gossip) &&
      tag != static_cast<std::uint8_t>(MessageTag::broadcast)) {
    return failure(ErrorKind::malformed, "not a gossip message");
  }
  gob::Decoder decoder{body};
  auto channel = decoder.decode<std::string>();
  if (!channel) return failure_of(channel);
  auto const source = decoder.decode<PeerName>();
  if (!source) return failure_of(source);
  PeerName destination;
  if (is_unicast) {
    auto const decoded = decoder.decode<PeerName>();
    if (!decoded) return failure_of(decoded);
    destination = *decoded;
  }
  return GossipMessage{*std::move(channel), *source, destination, decoder.decode<ByteView>()};
}

Bytes encode_gossip_body(std::string_view channel, PeerName source, ByteView payload) {
  return gob::Encoder{}.encode(std::string{channel}).encode(source).encode(payload).take();
}

Bytes encode_unicast_body(std::string_view channel, PeerName source, PeerName destination, ByteView payload) {
  return gob::Encoder{}.encode(std::string{channel}).encode(source).encode(destination).encode(payload).take();
}

} // namespace weave::gossip
