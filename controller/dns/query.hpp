#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "controller/dns/dns_message.hpp"

namespace weave::controller::dns {

enum class Transport : std::uint8_t { udp, tcp };

/// How large answers over UDP may become, and what we tell clients that we take (the size that passes every path
/// without fragments).
inline constexpr std::size_t kLargestUdpReply = 4096;
inline constexpr std::uint16_t kOwnUdpSize = 1232;

/// What answering looks at in a query. A value without allocations.
struct Query {
  Header header;
  Question question;            ///< the first; meaningless if there is none
  std::size_t question_end = 0; ///< offset behind it
  /// Of the OPT record, if there is one.
  bool has_edns = false;
  std::uint16_t edns_size = 0;
  std::uint8_t edns_version = 0;
  bool dnssec_ok = false;
  bool has_edns_options = false;

  /// The largest reply that the client takes: protocol/ipam-dns.md §13.3, but never more than kLargestUdpReply over
  /// UDP.
  [[nodiscard]] std::size_t reply_limit(Transport transport) const;
};

/// None if the message is malformed in any of its records. QR is not looked at.
[[nodiscard]] std::optional<Query> parse_query(ByteView message);

} // namespace weave::controller::dns
