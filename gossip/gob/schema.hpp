#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "gossip/gob/wire.hpp"

namespace weave::gossip::gob {

/// How C++ types say what they are on the wire. A struct declares its schema once, in its own namespace:
///
///     constexpr auto gob_schema(gob::Of<Ring>) {
///       return gob::schema("Ring", gob::field("Start", &Ring::start),
///                          gob::field("Entries", &Ring::entries, "entries"));
///     }
///
/// Fields go out in this order and come in by name. The optional third argument is the wire name of a slice, map or
/// array type. The rest follows from the member's type:
///   bool, integers (too big for their width: an error), double, std::string, Bytes, std::vector, std::array, maps,
///   structs with a schema, enums and base's PeerName and Ipv4Address (as unsigned integers; see Adapter);
///   std::optional of any of these is a Go pointer, or a map that may be nil.
/// A plain map is never nil: it is sent even if empty. ByteView, decode only, refers to the bytes being decoded.
template <class T>
struct Of {};

template <class Owner, class Member>
struct Field {
  std::string_view name;
  Member Owner::*member;
  std::string_view type_name;
};

template <class... Fields>
struct Schema {
  std::string_view name;
  std::tuple<Fields...> fields;
};

template <class Owner, class Member>
[[nodiscard]] constexpr Field<Owner, Member> field(std::string_view name, Member Owner::*member,
                                                   std::string_view type_name = {}) {
  return {name, member, type_name};
}

template <class... Fields>
[[nodiscard]] constexpr Schema<Fields...> schema(std::string_view name, Fields... fields) {
  return {name, {fields...}};
}

/// A value whose Go type marshals itself: opaque bytes. Its wire name is the type_name of the field.
struct Opaque {
  Bytes bytes;
  friend bool operator==(Opaque const&, Opaque const&) = default;
};

/// Specialise for value types that travel as another type: `Wire`, `to_wire` and `from_wire`.
template <class T>
struct Adapter {};

template <class T>
concept Adapted = requires {
  typename Adapter<T>::Wire;
};
template <class T>
concept Structure = requires {
  gob_schema(Of<T>{});
};
template <class T>
concept Map = requires {
  typename T::key_type;
  typename T::mapped_type;
};

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsArray = false;
template <class T, std::size_t N>
inline constexpr bool kIsArray<std::array<T, N>> = true;

/// The wire kind of a C++ type that is neither adapted nor optional.
template <class T>
[[nodiscard]] consteval Kind kind_of() {
  if constexpr (std::same_as<T, bool>)
    return Kind::boolean;
  else if constexpr (std::signed_integral<T>)
    return Kind::integer;
  else if constexpr (std::unsigned_integral<T>)
    return Kind::unsigned_integer;
  else if constexpr (std::same_as<T, double>)
    return Kind::floating;
  else if constexpr (std::same_as<T, std::string>)
    return Kind::string;
  else if constexpr (std::same_as<T, Bytes> || std::same_as<T, ByteView>)
    return Kind::bytes;
  else if constexpr (std::same_as<T, Opaque>)
    return Kind::opaque;
  else if constexpr (kIsVector<T>)
    return Kind::slice;
  else if constexpr (kIsArray<T>)
    return Kind::array;
  else if constexpr (Map<T>)
    return Kind::map;
  else {
    static_assert(Structure<T>, "declare gob_schema(gob::Of<T>) in the namespace of T");
    return Kind::structure;
  }
}

template <class T>
requires std::is_enum_v<T>
struct Adapter<T> {
  using Wire = std::underlying_type_t<T>;
  static Wire to_wire(T value) { return static_cast<Wire>(value); }
  static Result<T> from_wire(Wire value) { return static_cast<T>(value); }
};

template <>
struct Adapter<PeerName> {
  using Wire = std::uint64_t;
  static Wire to_wire(PeerName name) { return name.value(); }
  static Result<PeerName> from_wire(Wire value) {
    if (value >> 48 != 0) return bad_data("peer name of more than 48 bits");
    return PeerName{value};
  }
};

template <>
struct Adapter<Ipv4Address> {
  using Wire = std::uint32_t;
  static Wire to_wire(Ipv4Address address) { return address.value(); }
  static Result<Ipv4Address> from_wire(Wire value) { return Ipv4Address{value}; }
};

/// An address that identifies a C++ type.
template <class T>
inline constexpr char kTypeTag = 0;

} // namespace weave::gossip::gob
