#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "gossip/features.hpp"

namespace weave::gossip {

// Version 1 of the protocol (protocol/mesh.md §3.3), spoken to peers that know no other: one gob stream each way. Its
// first value is the features map, never sealed; every later one is a message, sealed if there is a password, as
// []byte.

/// In version 1 the key of the password's exchange, as 64 hex digits, travels among the features.
inline constexpr std::string_view kPublicKeyFeature = "PublicKey";

/// The features that version 1 tells and takes: the five that may be read by anybody.
[[nodiscard]] Features v1_features(Features const& features);

/// How many octets the first value takes, with the definitions before it; nullopt if it has not arrived whole. Errors:
/// it is longer than `limit`, more definitions than any features map needs, not gob.
[[nodiscard]] Result<std::optional<std::size_t>> v1_value_size(ByteView stream, std::size_t limit);

/// Appends a message as one value.
void append_v1_message(ByteView message, Bytes& out);

struct V1Message {
  /// A view into the stream.
  ByteView message;
  /// Octets it takes there.
  std::size_t size = 0;
};
/// The message at the front of the stream; nullopt if it has not arrived whole. Errors: it is longer than `limit`, or
/// not []byte.
[[nodiscard]] Result<std::optional<V1Message>> cut_v1_message(ByteView stream, std::size_t limit);

} // namespace weave::gossip
