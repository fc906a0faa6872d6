#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weave::gossip::gob {

/// Number of a type in one gob stream. 1..8 are predefined, senders choose theirs from 65 (protocol/mesh.md §7.3).
using TypeId = std::int64_t;

inline constexpr TypeId kBoolId = 1;
inline constexpr TypeId kIntId = 2;
inline constexpr TypeId kUintId = 3;
inline constexpr TypeId kFloatId = 4;
inline constexpr TypeId kBytesId = 5;
inline constexpr TypeId kStringId = 6;
inline constexpr TypeId kComplexId = 7;
inline constexpr TypeId kInterfaceId = 8;
inline constexpr TypeId kFirstUserId = 65;

enum class Kind {
  boolean,
  integer,
  unsigned_integer,
  floating,
  bytes,
  string,
  complex,
  interface,
  array,
  slice,
  structure,
  map,
  opaque
};

[[nodiscard]] std::string_view to_string(Kind kind);

/// Reads gob scalars from a view that it does not own (protocol/mesh.md §7.1). Every read is checked; input that ends
/// early is the error `unexpected EOF`, of kind malformed like all others here.
class WireReader {
 public:
  WireReader() = default;
  explicit WireReader(ByteView bytes) : rest_{bytes} {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }

  [[nodiscard]] Result<std::uint64_t> unsigned_integer();
  [[nodiscard]] Result<std::int64_t> integer();
  [[nodiscard]] Result<bool> boolean();
  [[nodiscard]] Result<double> floating();
  /// A length and that many bytes: strings, byte slices, marshalled values, whole messages.
  [[nodiscard]] Result<ByteView> bytes();
  /// How many elements follow. Each takes at least `octets_each` bytes, so a count that the rest cannot hold is
  /// refused before anything is reserved for it.
  [[nodiscard]] Result<std::size_t> count(std::size_t octets_each);

 private:
  ByteView rest_;
};

/// Appends gob scalars to bytes it owns.
class WireWriter {
 public:
  void unsigned_integer(std::uint64_t value);
  void integer(std::int64_t value);
  void floating(double value);
  void bytes(ByteView bytes);
  void raw(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  [[nodiscard]] Bytes const& written() const { return bytes_; }
  [[nodiscard]] Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

[[nodiscard]] std::unexpected<Error> unexpected_end();
[[nodiscard]] std::unexpected<Error> bad_data(std::string_view reason);

} // namespace weave::gossip::gob
