// DNS messages: from clients to us, and from other servers.
#include <string>

#include "controller/dns/answering.hpp"
#include "controller/dns/relayed_reply.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

using namespace controller::dns;

/// A message that could be read can be written, either way, and read again.
void round_trip(Bytes const& bytes) {
  auto const message = decode_message(bytes);
  if (!message) return;
  for (auto const compress : {false, true}) {
    auto const again = decode_message(encode_message(*message, compress));
    demand(again && again->questions == message->questions && again->answers == message->answers &&
               again->authority == message->authority && again->additional == message->additional &&
               again->edns == message->edns,
           "a message survives encoding");
  }
  for (auto const& question : message->questions) {
    auto const name = DomainName::parse(question.name.to_string());
    demand(name && *name == question.name, "a name survives its text");
  }
}

void answer(Bytes const& query, Transport transport) {
  static auto const names = NameSnapshot::of({{"One.weave.local.", Ipv4Address{0x0a20'0001}},
                                              {"two.weave.local.", Ipv4Address{0x0a20'0002}},
                                              {"two.weave.local.", Ipv4Address{0x0a20'0003}},
                                              {"two.weave.local.", Ipv4Address{0x0a20'0004}},
                                              {"no..name.", Ipv4Address{0x0a20'0005}}});
  static SeededRandom random{1};
  static Answering answering{{.domain = *DomainName::parse("weave.local.")}, random};
  Bytes room(transport == Transport::tcp ? Answering::kTcpRoom : Answering::kUdpRoom);
  auto const decision = answering.answer(query, transport, names, room);
  demand(decision.size <= room.size(), "a reply is no larger than its room");
  if (decision.size == 0) return;
  auto const reply = decode_message(ByteView{room}.first(decision.size));
  demand(reply && reply->header.response, "a reply is well-formed");
  demand(reply->header.id == Header::decode(query)->id, "a reply has the id of its query");
}

/// `bytes` as a reply to whatever question it holds.
void relay(Bytes bytes, std::size_t limit) {
  auto const query = parse_query(bytes);
  auto const header = Header::decode(bytes);
  if (!query || !examine_reply(bytes, *query, header->id)) return;
  age_reply(bytes, 1);
  address_reply(bytes, *query);
  demand(examine_reply(bytes, *query, query->header.id).has_value(), "an aged reply is a reply");
  auto const fitted = fit_reply(bytes, limit);
  demand(examine_reply(fitted, *query, query->header.id).has_value(), "a cut reply is a reply");
  demand(fitted.size() <= std::max(limit, bytes.size()), "a reply does not grow");
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave::fuzz;
  FuzzInput input{data, size};
  auto const limit = input.u16();
  auto const bytes = input.rest();
  round_trip(bytes);
  answer(bytes, weave::controller::dns::Transport::udp);
  answer(bytes, weave::controller::dns::Transport::tcp);
  relay(bytes, limit);
  return 0;
}
