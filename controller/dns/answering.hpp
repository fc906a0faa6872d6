#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "controller/dns/domain_name.hpp"
#include "controller/dns/name_snapshot.hpp"
#include "controller/dns/query.hpp"

namespace weave::controller::dns {

/// Of how names are answered.
struct AnsweringOptions {
  DomainName domain;
  std::uint32_t ttl = 1;          ///< of answers, seconds
  std::uint32_t negative_ttl = 1; ///< how long "no such name" may be kept, seconds
};

/// What becomes of a query.
enum class Verdict : std::uint8_t {
  drop,      ///< not a query: no reply
  positive,  ///< answered with records
  negative,  ///< answered: no such name, or no such record
  malformed, ///< answered with an error: the query is not understood
  forward    ///< somebody else has to answer
};

struct Decision {
  Verdict verdict = Verdict::drop;
  std::size_t size = 0; ///< of the reply; 0 for drop and forward
  bool truncated = false;
};

/// Answers queries from the names of the mesh (protocol/ipam-dns.md §13.2, §13.3). Beyond the original: negative
/// answers carry the domain's SOA so that they can be cached, an OPT record is answered with one, other types of a
/// known address in the reverse zone are "no such record" rather than "no such name". No SOA goes with a denial that
/// says more than it should when cached: of the root and of the domain itself, under which names exist.
///
/// Pure. One thread at a time; has a buffer of its own and does not allocate once that has grown.
class Answering {
 public:
  /// `random` orders the addresses of a name and must outlive this.
  Answering(AnsweringOptions options, RandomSource& random);

  /// Enough for any reply over UDP or TCP.
  static constexpr std::size_t kUdpRoom = kLargestUdpReply;
  static constexpr std::size_t kTcpRoom = kMaxMessageSize;

  /// Writes the reply, if there is one, to the front of `room`, which has kUdpRoom or kTcpRoom bytes.
  [[nodiscard]] Decision answer(ByteView query, Transport transport, NameSnapshot const& names,
                                std::span<std::uint8_t> room);

 private:
  class Reply;

  [[nodiscard]] Decision dispatch(Query const& query, NameSnapshot const& names, Reply& reply);
  [[nodiscard]] Decision answer_local(Query const& query, DomainName const& name, NameSnapshot const& names,
                                      Reply& reply);
  [[nodiscard]] Decision answer_reverse(Query const& query, NameSnapshot const& names, Reply& reply);
  [[nodiscard]] Decision addresses(std::span<Ipv4Address const> found, Reply& reply);
  [[nodiscard]] Decision deny(Rcode rcode, bool with_soa, Reply& reply);

  AnsweringOptions options_;
  RandomSource& random_;
  DomainName reverse_zone_;
  Bytes soa_record_;
  std::vector<Ipv4Address> shuffled_;
};

/// A reply without records, for queries that could not be forwarded: RA set, AA clear; with OPT if the query has one.
[[nodiscard]] Bytes error_reply(Query const& query, Rcode rcode);

} // namespace weave::controller::dns
