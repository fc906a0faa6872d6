#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gossip/gob/wire.hpp"

namespace weave::gossip::gob {

/// What a stream says about one type (protocol/mesh.md §7.4). Which members mean something depends on the kind.
struct Descriptor {
  struct Field {
    std::string name;
    TypeId type = 0;
    friend bool operator==(Field const&, Field const&) = default;
  };

  Kind kind = Kind::structure;
  std::string name = {};
  TypeId key = 0;                 ///< map
  TypeId element = 0;             ///< array, slice, map
  std::uint64_t length = 0;       ///< array
  std::vector<Field> fields = {}; ///< structure

  friend bool operator==(Descriptor const&, Descriptor const&) = default;
};

/// The body of a descriptor message, after its negative type id.
[[nodiscard]] Result<Descriptor> decode_descriptor(WireReader& message);
/// One complete message that defines `id`.
[[nodiscard]] Bytes encode_descriptor(TypeId id, Descriptor const& descriptor);

/// The types known in one stream, predefined ones included. Bounded in types and fields, because a remote could
/// otherwise fill memory with definitions that no value uses.
class TypeTable {
 public:
  TypeTable();

  /// Refuses a second definition of an id (`gob: duplicate type received`) and ids below 64.
  [[nodiscard]] Result<void> define(TypeId id, Descriptor descriptor);
  /// Null if the stream has not defined it. The pointer stays valid while the table lives.
  [[nodiscard]] Descriptor const* find(TypeId id) const;
  /// Whether everything reachable from `id` is defined, so that values of it can be walked.
  [[nodiscard]] Result<void> check_complete(TypeId id);

 private:
  std::map<TypeId, Descriptor> types_;
  std::set<TypeId> complete_;
  std::size_t fields_ = 0;
};

} // namespace weave::gossip::gob
