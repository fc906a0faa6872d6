#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "controller/dns/query.hpp"

// What is done to the replies of other servers, on the bytes as they came: records that we do not know stay as they
// are.
namespace weave::controller::dns {

/// What a reply says about itself.
struct ReplyFacts {
  Rcode rcode = Rcode::no_error;
  bool truncated = false;
  /// Seconds for which it may be given to others: the smallest TTL of its records; of a negative answer what its SOA
  /// says (RFC 2308). None: not at all.
  std::optional<std::uint32_t> lifetime;
};

/// None if the bytes are not a well-formed reply to the question of that query, with the id given.
[[nodiscard]] std::optional<ReplyFacts> examine_reply(ByteView reply, Query const& query, std::uint16_t id);

/// The functions below take replies that have been examined.

/// Lowers all TTLs by what has passed, to not less than zero.
void age_reply(std::span<std::uint8_t> reply, std::uint32_t seconds);
/// Puts in the id and the spelling of the question that this client has asked.
void address_reply(std::span<std::uint8_t> reply, Query const& query);
/// The reply if it fits; else without its additional records except OPT; else cut behind the last answer that fits,
/// with TC set.
[[nodiscard]] Bytes fit_reply(Bytes reply, std::size_t limit);

} // namespace weave::controller::dns
