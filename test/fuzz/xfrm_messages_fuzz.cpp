// What the kernel says of IPsec over netlink, and what a peer offers: any bytes are refused or read, never read beyond
// their end; what was read can be written, and means the same when it is read again.
#include "datapath/ipsec/key_offer.hpp"
#include "datapath/ipsec/policy_plan.hpp"
#include "datapath/ipsec/xfrm_codec.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

using namespace datapath;

netlink::Message message_of(Bytes const& request) {
  auto const message = netlink::MessageCursor{request}.next();
  demand(message && *message, "a request is one message");
  return **message;
}

void read_message(netlink::Message const& message) {
  (void)netlink::decode_acknowledgement(message);
  (void)ipsec::is_change(message);
  if (auto const found = ipsec::decode_association(message, ipsec::kTag); found && *found) {
    Secret const key{Bytes(36)};
    auto const request = ipsec::encode_association(**found, key, ipsec::kTag, true);
    auto const again = ipsec::decode_association(message_of(*request), ipsec::kTag);
    demand(again && *again == *found, "an association is the same when it is read again");
    (void)ipsec::encode_remove(**found);
  }
  auto const found = ipsec::decode_policy(message, ipsec::kTag);
  if (!found || !*found) return;
  auto const request = ipsec::encode_policy(**found, ipsec::kTag);
  auto const again = ipsec::decode_policy(message_of(*request), ipsec::kTag);
  demand(again && *again == *found, "a policy is the same when it is read again");
  (void)ipsec::encode_remove((*found)->id);
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  weave::fuzz::FuzzInput input{data, size};
  auto const datagram = input.rest();
  if (auto const offer = weave::datapath::ipsec::decode_offer(datagram)) {
    auto const again = weave::datapath::ipsec::decode_offer(weave::datapath::ipsec::encode_offer(*offer));
    weave::fuzz::demand(again == *offer, "an offer is the same when it is read again");
  }
  (void)weave::datapath::ipsec::vxlan_tells_port({reinterpret_cast<char const*>(datagram.data()), datagram.size()});
  weave::datapath::netlink::MessageCursor cursor{datagram};
  for (auto message = cursor.next(); message && *message; message = cursor.next()) {
    weave::fuzz::read_message(**message);
  }
  return 0;
}
