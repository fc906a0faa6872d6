#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "controller/dns/name_entry.hpp"

namespace weave::controller::dns {

/// One payload of the channel (protocol/ipam-dns.md §12.1).
struct NameMessage {
  /// Unix time of the sender.
  std::int64_t timestamp = 0;
  NameSet entries;
};

[[nodiscard]] Bytes encode_names(NameMessage const& message);
/// As encode_names, in as many payloads as keep each well below the mesh's limit for a message; at least one.
[[nodiscard]] std::vector<Bytes> encode_names_in_parts(NameMessage const& message);
/// Duplicates, which nobody should send, are collapsed to the newest; entries with absurdly long names or ids are left
/// out. Any other text may be in it.
[[nodiscard]] Result<NameMessage> decode_names(ByteView payload);

} // namespace weave::controller::dns
