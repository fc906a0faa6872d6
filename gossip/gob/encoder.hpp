#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "gossip/gob/descriptor.hpp"
#include "gossip/gob/schema.hpp"

namespace weave::gossip::gob {

/// Encodes values as one gob stream (protocol/mesh.md §7). Types are numbered and defined as Go does it: a struct takes
/// its number before its fields' types, slices, maps and arrays take theirs after their elements; each is defined once
/// a stream, the outer one first, before the first value that needs it. Use one Encoder for each stream.
class Encoder {
 public:
  /// Go numbers types in a process, not in a stream; a `first_id` above 65 reproduces what a sender that has already
  /// met other types would write.
  explicit Encoder(TypeId first_id = kFirstUserId) : first_id_{first_id} {}

  /// `type_name` is the wire name of a slice, map, array or opaque type.
  template <class T>
  Encoder& encode(T const& value, std::string_view type_name = {}) {
    TypeId const type = number<T>(type_name);
    define(type);
    WireWriter body;
    body.integer(type);
    if constexpr (!is_structure<T>()) body.unsigned_integer(0);
    write(body, value);
    out_.bytes(body.written());
    return *this;
  }

  [[nodiscard]] Bytes const& written() const { return out_.written(); }
  [[nodiscard]] Bytes take() { return out_.take(); }

 private:
  struct Numbered {
    Descriptor type;
    void const* tag; ///< of the C++ type, for structs
    bool defined = false;
  };

  template <class T>
  [[nodiscard]] static consteval bool is_structure() {
    if constexpr (Adapted<T>)
      return is_structure<typename Adapter<T>::Wire>();
    else
      return kind_of<T>() == Kind::structure;
  }

  template <class T>
  [[nodiscard]] TypeId number(std::string_view type_name);
  template <class T>
  [[nodiscard]] TypeId number_structure();
  [[nodiscard]] TypeId add(Descriptor type, void const* tag);
  [[nodiscard]] std::optional<TypeId> numbered(void const* tag) const;
  [[nodiscard]] TypeId number_unnamed(Descriptor type);
  void define(TypeId id);

  template <class T>
  [[nodiscard]] static bool is_left_out(T const& value);
  template <class T>
  static void write(WireWriter& out, T const& value);
  template <class T>
  static void write_structure(WireWriter& out, T const& value);

  TypeId first_id_;
  std::vector<Numbered> types_;
  WireWriter out_;
};

/// A stream of one value.
template <class T>
[[nodiscard]] Bytes encode(T const& value) {
  return Encoder{}.encode(value).take();
}

template <class T>
TypeId Encoder::number(std::string_view type_name) {
  if constexpr (Adapted<T>) {
    return number<typename Adapter<T>::Wire>(type_name);
  } else if constexpr (kIsOptional<T>) {
    return number<typename T::value_type>(type_name);
  } else {
    constexpr Kind kKind = kind_of<T>();
    if constexpr (kKind == Kind::structure) return number_structure<T>();
    if constexpr (kKind < Kind::array) return kBoolId + static_cast<TypeId>(kKind);
    Descriptor type{.kind = kKind, .name = std::string{type_name}};
    if constexpr (kKind == Kind::map) {
      type.key = number<typename T::key_type>({});
      type.element = number<typename T::mapped_type>({});
    } else if constexpr (kKind == Kind::slice || kKind == Kind::array) {
      type.element = number<typename T::value_type>({});
    }
    if constexpr (kKind == Kind::array) type.length = std::tuple_size_v<T>;
    return number_unnamed(std::move(type));
  }
}

template <class T>
TypeId Encoder::number_structure() {
  if (auto const known = numbered(&kTypeTag<T>)) return *known;
  constexpr auto kSchema = gob_schema(Of<T>{});
  TypeId const id = add({.kind = Kind::structure, .name = std::string{kSchema.name}}, &kTypeTag<T>);
  std::vector<Descriptor::Field> fields;
  auto const add_one = [&]<class Member>(Field<T, Member> const& field) {
    fields.push_back({std::string{field.name}, number<Member>(field.type_name)});
  };
  std::apply([&](auto const&... each) { (add_one(each), ...); }, kSchema.fields);
  types_[static_cast<std::size_t>(id - first_id_)].type.fields = std::move(fields);
  return id;
}

template <class T>
bool Encoder::is_left_out(T const& value) {
  if constexpr (Adapted<T>)
    return is_left_out(Adapter<T>::to_wire(value));
  else if constexpr (kIsOptional<T>)
    return !value || is_left_out(*value);
  else if constexpr (std::is_arithmetic_v<T>)
    return value == T{};
  else if constexpr (std::same_as<T, Opaque>)
    return value.bytes.empty();
  else if constexpr (kind_of<T>() <= Kind::string || kind_of<T>() == Kind::slice)
    return value.empty();
  else
    return false;
}

template <class T>
void Encoder::write(WireWriter& out, T const& value) {
  if constexpr (Adapted<T>) {
    write(out, Adapter<T>::to_wire(value));
  } else if constexpr (kIsOptional<T>) {
    write(out, *value);
  } else if constexpr (std::same_as<T, bool>) {
    out.unsigned_integer(value ? 1 : 0);
  } else if constexpr (std::signed_integral<T>) {
    out.integer(value);
  } else if constexpr (std::unsigned_integral<T>) {
    out.unsigned_integer(value);
  } else if constexpr (std::same_as<T, double>) {
    out.floating(value);
  } else if constexpr (std::same_as<T, std::string>) {
    out.bytes(as_bytes(value));
  } else if constexpr (std::same_as<T, Bytes> || std::same_as<T, ByteView>) {
    out.bytes(value);
  } else if constexpr (std::same_as<T, Opaque>) {
    out.bytes(value.bytes);
  } else if constexpr (Structure<T>) {
    write_structure(out, value);
  } else {
    out.unsigned_integer(value.size());
    for (auto const& element : value) {
      if constexpr (Map<T>) {
        write(out, element.first);
        write(out, element.second);
      } else {
        write(out, element);
      }
    }
  }
}

template <class T>
void Encoder::write_structure(WireWriter& out, T const& value) {
  std::uint64_t number = 0;
  std::uint64_t last_sent = 0;
  auto const write_one = [&]<class Member>(Field<T, Member> const& field) {
    ++number;
    if (is_left_out(value.*field.member)) return;
    out.unsigned_integer(number - last_sent);
    last_sent = number;
    write(out, value.*field.member);
  };
  std::apply([&](auto const&... each) { (write_one(each), ...); }, gob_schema(Of<T>{}).fields);
  out.unsigned_integer(0);
}

} // namespace weave::gossip::gob
