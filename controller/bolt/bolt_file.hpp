#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weave::controller::bolt {

/// One key of a bucket; both refer to the bytes of the file.
struct BucketEntry {
  std::string_view key;
  ByteView value;
};

/// The entries of a top-level bucket of a Bolt database (protocol/ipam-dns.md §9.2) as of its last committed
/// transaction, in the order of their keys; buckets inside the bucket are left out. `file` is the whole file. Pure, and
/// safe on hostile input: every position is checked before it is followed, every page is read at most once, so time and
/// memory are in proportion to the file.
///
/// Errors: not_found if there is no such bucket; malformed, with what is wrong where, for everything else. A damaged
/// database is never read in part.
[[nodiscard]] Result<std::vector<BucketEntry>> read_bucket(ByteView file, std::string_view name);

} // namespace weave::controller::bolt
