#pragma once

#include <cstddef>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace weave {

/// HKDF-SHA256 (RFC 5869): `size` octets, at most 8160. An empty salt counts as none. Error: libcrypto lacks it or
/// failed. Pure.
[[nodiscard]] Result<Secret> hkdf_sha256(ByteView key, ByteView salt, ByteView info, std::size_t size);

} // namespace weave
