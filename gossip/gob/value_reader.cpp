#include "gossip/gob/value_reader.hpp"

#include <fmt/format.h>

namespace weave::gossip::gob {
namespace {

constexpr int kMaxDepth = 100;
/// Values in memory are larger than on the wire (an empty struct is one octet there). Real states stay below 8 times.
constexpr std::size_t kGrowth = 16;
constexpr std::size_t kFreeAllowance = std::size_t{1} << 20;

} // namespace

ValueReader::ValueReader(TypeTable& types, std::size_t stream_size)
    : types_{types}, allowance_{kFreeAllowance + kGrowth * stream_size} {}

Result<void> ValueReader::descend() const {
  if (depth_ >= kMaxDepth) return bad_data("value is nested too deeply");
  return {};
}

Result<void> ValueReader::charge(std::size_t count, std::size_t octets_each) {
  if (count > allowance_ / octets_each) return bad_data("value needs too much memory for its size");
  allowance_ -= count * octets_each;
  return {};
}

Result<Descriptor const*> ValueReader::expect(TypeId id, Kind local) const {
  auto const* const remote = types_.find(id);
  if (remote == nullptr) return bad_data(fmt::format("bad data: undefined type {}", id));
  if (remote->kind != local) {
    return bad_data(fmt::format("type mismatch: expected {}, received {}", to_string(local), to_string(remote->kind)));
  }
  return remote;
}

Result<Descriptor::Field const*> ValueReader::next_field(WireReader& in, Descriptor const& remote,
                                                         std::size_t& number) const {
  // A struct may also end with its message (mesh.md §7.5 item 7).
  if (in.empty()) return nullptr;
  auto const delta = in.unsigned_integer();
  if (!delta) return failure_of(delta);
  if (*delta == 0) return nullptr;
  if (*delta > remote.fields.size() - number) return bad_data("bad data: field numbers out of bounds");
  number += static_cast<std::size_t>(*delta);
  return &remote.fields[number - 1];
}

Result<void> ValueReader::skip(WireReader& in, TypeId id) {
  if (auto const room = descend(); !room) return room;
  Level const level{depth_};
  Descriptor const& remote = *types_.find(id);
  switch (remote.kind) {
    case Kind::boolean:
    case Kind::integer:
    case Kind::unsigned_integer:
    case Kind::floating: {
      auto const value = in.unsigned_integer();
      return value ? Result<void>{} : failure_of(value);
    }
    case Kind::bytes:
    case Kind::string:
    case Kind::opaque: {
      auto const value = in.bytes();
      return value ? Result<void>{} : failure_of(value);
    }
    case Kind::complex: {
      auto const real = in.unsigned_integer();
      if (!real) return failure_of(real);
      auto const imaginary = in.unsigned_integer();
      return imaginary ? Result<void>{} : failure_of(imaginary);
    }
    case Kind::array:
    case Kind::slice:
    case Kind::map: return skip_elements(in, remote);
    case Kind::structure: return skip_structure(in, remote);
    case Kind::interface: break;
  }
  // Its name would have to be known, and its type definitions could come inside the value. Nobody in the mesh sends it.
  return bad_data("interface values are not supported");
}

Result<void> ValueReader::skip_elements(WireReader& in, Descriptor const& remote) {
  bool const is_map = remote.kind == Kind::map;
  auto const count = in.count(is_map ? 2 : 1);
  if (!count) return failure_of(count);
  if (remote.kind == Kind::array && *count != remote.length) return bad_data("array of the wrong length");
  for (std::size_t i = 0; i < *count; ++i) {
    if (is_map) {
      if (in.empty()) return unexpected_end();
      if (auto const done = skip(in, remote.key); !done) return done;
    }
    if (in.empty()) return unexpected_end();
    if (auto const done = skip(in, remote.element); !done) return done;
  }
  return {};
}

Result<void> ValueReader::skip_structure(WireReader& in, Descriptor const& remote) {
  std::size_t number = 0;
  while (true) {
    auto const next = next_field(in, remote, number);
    if (!next) return failure_of(next);
    if (*next == nullptr) return {};
    if (auto const done = skip(in, (*next)->type); !done) return done;
  }
}

} // namespace weave::gossip::gob
