#include "controller/dns/query.hpp"

#include <algorithm>

namespace weave::controller::dns {

std::size_t Query::reply_limit(Transport transport) const {
  if (transport == Transport::tcp) return kMaxMessageSize;
  return has_edns ? std::min<std::size_t>(edns_size, kLargestUdpReply) : kPlainUdpSize;
}

std::optional<Query> parse_query(ByteView message) {
  auto const header = Header::decode(message);
  if (!header) return std::nullopt;
  Query query;
  query.header = *header;
  MessageWalk walk{message};
  for (unsigned i = 0; i < header->questions; ++i) {
    auto const question = walk.question();
    if (!question) return std::nullopt;
    if (i > 0) continue;
    query.question = *question;
    query.question_end = walk.offset();
  }
  auto const before_additional = unsigned{header->answers} + header->authorities;
  for (unsigned i = 0; i < before_additional + header->additionals; ++i) {
    auto const place = walk.record();
    if (!place) return std::nullopt;
    if (place->type != record_type::opt || i < before_additional) continue;
    if (query.has_edns) return std::nullopt;
    query.has_edns = true;
    query.edns_size = place->klass;
    query.edns_version = static_cast<std::uint8_t>(place->ttl >> 16U);
    query.dnssec_ok = (place->ttl & 0x8000U) != 0;
    query.has_edns_options = place->end != place->data;
  }
  return query;
}

} // namespace weave::controller::dns
