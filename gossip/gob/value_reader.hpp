#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "gossip/gob/descriptor.hpp"
#include "gossip/gob/schema.hpp"

namespace weave::gossip::gob {

/// Reads values of one stream, by the remote's descriptors, into C++ types. What a value may cost is bounded: memory by
/// an allowance in proportion to the stream, recursion by depth; each element read takes at least one octet, so time is
/// linear in the input. Used by Decoder only.
class ValueReader {
 public:
  ValueReader(TypeTable& types, std::size_t stream_size);

  /// Whether values of the remote's type `id` fit T; done before the first one is read, as Go does, so that a clash
  /// shows even if the field is absent.
  template <class T>
  [[nodiscard]] Result<void> check(TypeId id);
  /// Whether a remote struct has anything in common with T; one without fields always has.
  template <Structure T>
  [[nodiscard]] bool shares_field(TypeId id) const;
  /// Reads a checked value. Fields that the remote did not send keep what `value` has.
  template <class T>
  [[nodiscard]] Result<void> read(WireReader& in, TypeId id, T& value);

 private:
  /// Counts one level of nesting while it lives.
  class Level {
   public:
    explicit Level(int& depth) : depth_{++depth} {}
    Level(Level const&) = delete;
    Level& operator=(Level const&) = delete;
    ~Level() { --depth_; }

   private:
    int& depth_;
  };

  template <class T>
  [[nodiscard]] Result<void> check_fields(Descriptor const& remote);
  template <class T>
  [[nodiscard]] Result<void> read_scalar(WireReader& in, T& value);
  template <class T>
  [[nodiscard]] Result<void> read_slice(WireReader& in, TypeId element, std::vector<T>& values);
  template <class T, std::size_t N>
  [[nodiscard]] Result<void> read_array(WireReader& in, TypeId element, std::array<T, N>& values);
  template <Map M>
  [[nodiscard]] Result<void> read_map(WireReader& in, Descriptor const& remote, M& values);
  template <class T>
  [[nodiscard]] Result<void> read_structure(WireReader& in, Descriptor const& remote, T& value);
  template <class T>
  [[nodiscard]] Result<void> read_field(WireReader& in, Descriptor::Field const& remote, T& value);

  /// The field whose number follows; null at the end of the struct.
  [[nodiscard]] Result<Descriptor::Field const*> next_field(WireReader& in, Descriptor const& remote,
                                                            std::size_t& number) const;
  [[nodiscard]] Result<void> skip(WireReader& in, TypeId id);
  [[nodiscard]] Result<void> skip_elements(WireReader& in, Descriptor const& remote);
  [[nodiscard]] Result<void> skip_structure(WireReader& in, Descriptor const& remote);
  [[nodiscard]] Result<void> descend() const;
  [[nodiscard]] Result<void> charge(std::size_t count, std::size_t octets_each);
  [[nodiscard]] Result<Descriptor const*> expect(TypeId id, Kind local) const;

  TypeTable& types_;
  std::set<std::pair<TypeId, void const*>> checked_;
  std::size_t allowance_;
  int depth_ = 0;
};

template <class T>
Result<void> ValueReader::check(TypeId id) {
  if constexpr (Adapted<T>) {
    return check<typename Adapter<T>::Wire>(id);
  } else if constexpr (kIsOptional<T>) {
    return check<typename T::value_type>(id);
  } else {
    if (!checked_.emplace(id, &kTypeTag<T>).second) return {};
    auto const remote = expect(id, kind_of<T>());
    if (!remote) return failure_of(remote);
    if constexpr (kind_of<T>() == Kind::structure) return check_fields<T>(**remote);
    if constexpr (kind_of<T>() == Kind::array) {
      if ((*remote)->length != std::tuple_size_v<T>) return bad_data("type mismatch: arrays of different length");
    }
    if constexpr (kind_of<T>() == Kind::map) {
      if (auto const key = check<typename T::key_type>((*remote)->key); !key) return key;
      return check<typename T::mapped_type>((*remote)->element);
    } else if constexpr (kind_of<T>() == Kind::slice || kind_of<T>() == Kind::array) {
      return check<typename T::value_type>((*remote)->element);
    }
    return {};
  }
}

template <Structure T>
bool ValueReader::shares_field(TypeId id) const {
  auto const& theirs = types_.find(id)->fields;
  auto const is_known = [](Descriptor::Field const& remote) {
    return std::apply([&](auto const&... ours) { return ((ours.name == remote.name) || ...); },
                      gob_schema(Of<T>{}).fields);
  };
  return theirs.empty() || std::ranges::any_of(theirs, is_known);
}

template <class T>
Result<void> ValueReader::check_fields(Descriptor const& remote) {
  for (auto const& theirs : remote.fields) {
    bool known = false;
    Result<void> fits;
    auto const check_one = [&]<class Member>(Field<T, Member> const& ours) {
      if (ours.name != theirs.name) return;
      known = true;
      fits = check<Member>(theirs.type);
    };
    std::apply([&](auto const&... ours) { (check_one(ours), ...); }, gob_schema(Of<T>{}).fields);
    if (!known) fits = types_.check_complete(theirs.type);
    if (!fits) return fits;
  }
  return {};
}

template <class T>
Result<void> ValueReader::read(WireReader& in, TypeId id, T& value) {
  if constexpr (Adapted<T>) {
    typename Adapter<T>::Wire wire{};
    if (auto const done = read(in, id, wire); !done) return done;
    auto adapted = Adapter<T>::from_wire(wire);
    if (!adapted) return failure_of(adapted);
    value = *std::move(adapted);
    return {};
  } else if constexpr (kIsOptional<T>) {
    if (!value) value.emplace();
    return read(in, id, *value);
  } else if constexpr (kind_of<T>() < Kind::array || kind_of<T>() == Kind::opaque) {
    return read_scalar(in, value);
  } else {
    if (auto const room = descend(); !room) return room;
    Level const level{depth_};
    Descriptor const& remote = *types_.find(id);
    if constexpr (kind_of<T>() == Kind::slice)
      return read_slice(in, remote.element, value);
    else if constexpr (kind_of<T>() == Kind::array)
      return read_array(in, remote.element, value);
    else if constexpr (kind_of<T>() == Kind::map)
      return read_map(in, remote, value);
    else
      return read_structure(in, remote, value);
  }
}

template <class T>
Result<void> ValueReader::read_scalar(WireReader& in, T& value) {
  auto const wire = [&in] {
    if constexpr (std::same_as<T, bool>)
      return in.boolean();
    else if constexpr (std::signed_integral<T>)
      return in.integer();
    else if constexpr (std::unsigned_integral<T>)
      return in.unsigned_integer();
    else if constexpr (std::same_as<T, double>)
      return in.floating();
    else
      return in.bytes();
  }();
  if (!wire) return failure_of(wire);
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    if (!std::in_range<T>(*wire)) return bad_data("value out of range");
    value = static_cast<T>(*wire);
  } else if constexpr (std::same_as<T, std::string>) {
    value = as_text(*wire);
  } else if constexpr (std::same_as<T, Bytes>) {
    value.assign(wire->begin(), wire->end());
  } else if constexpr (std::same_as<T, Opaque>) {
    value.bytes.assign(wire->begin(), wire->end());
  } else {
    value = *wire;
  }
  return {};
}

template <class T>
Result<void> ValueReader::read_slice(WireReader& in, TypeId element, std::vector<T>& values) {
  auto const count = in.count(1);
  if (!count) return failure_of(count);
  if (auto const paid = charge(*count, sizeof(T)); !paid) return paid;
  values.clear();
  values.reserve(*count);
  for (std::size_t i = 0; i < *count; ++i) {
    if (in.empty()) return unexpected_end();
    T value{};
    if (auto const done = read(in, element, value); !done) return done;
    values.push_back(std::move(value));
  }
  return {};
}

template <class T, std::size_t N>
Result<void> ValueReader::read_array(WireReader& in, TypeId element, std::array<T, N>& values) {
  auto const count = in.count(1);
  if (!count) return failure_of(count);
  if (*count != N) return bad_data("array of the wrong length");
  for (auto& value : values) {
    if (in.empty()) return unexpected_end();
    if (auto const done = read(in, element, value); !done) return done;
  }
  return {};
}

template <Map M>
Result<void> ValueReader::read_map(WireReader& in, Descriptor const& remote, M& values) {
  static constexpr std::size_t kNodeOverhead = 48;
  auto const count = in.count(2);
  if (!count) return failure_of(count);
  values.clear();
  for (std::size_t i = 0; i < *count; ++i) {
    if (auto const paid = charge(1, sizeof(typename M::value_type) + kNodeOverhead); !paid) return paid;
    typename M::key_type key{};
    typename M::mapped_type value{};
    if (in.empty()) return unexpected_end();
    if (auto const done = read(in, remote.key, key); !done) return done;
    if (in.empty()) return unexpected_end();
    if (auto const done = read(in, remote.element, value); !done) return done;
    values.insert_or_assign(std::move(key), std::move(value));
  }
  return {};
}

template <class T>
Result<void> ValueReader::read_structure(WireReader& in, Descriptor const& remote, T& value) {
  std::size_t number = 0;
  while (true) {
    auto const next = next_field(in, remote, number);
    if (!next) return failure_of(next);
    if (*next == nullptr) return {};
    if (auto const done = read_field(in, **next, value); !done) return done;
  }
}

template <class T>
Result<void> ValueReader::read_field(WireReader& in, Descriptor::Field const& remote, T& value) {
  bool known = false;
  Result<void> done;
  auto const read_one = [&]<class Member>(Field<T, Member> const& ours) {
    if (known || ours.name != remote.name) return;
    known = true;
    done = read(in, remote.type, value.*ours.member);
  };
  std::apply([&](auto const&... ours) { (read_one(ours), ...); }, gob_schema(Of<T>{}).fields);
  return known ? done : skip(in, remote.type);
}

} // namespace weave::gossip::gob
