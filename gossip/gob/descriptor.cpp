#include "gossip/gob/descriptor.hpp"

#include <fmt/format.h>

namespace weave::gossip::gob {
namespace {

constexpr std::size_t kMaxTypes = 1024;
constexpr std::size_t kMaxFields = 8192;

/// Steps through the fields of a struct whose shape is fixed by the format.
class FieldCursor {
 public:
  explicit FieldCursor(WireReader& reader) : reader_{reader} {}

  /// Number of the next field; -1 at the end of the struct.
  Result<std::int64_t> next() {
    auto const delta = reader_.unsigned_integer();
    if (!delta) return failure_of(delta);
    if (*delta == 0) return -1;
    if (*delta > 16) return bad_data("field numbers out of bounds");
    number_ += static_cast<std::int64_t>(*delta);
    return number_;
  }

 private:
  WireReader& reader_;
  std::int64_t number_ = -1;
};

Result<void> read_text(WireReader& reader, std::string& text) {
  auto const bytes = reader.bytes();
  if (!bytes) return failure_of(bytes);
  text = as_text(*bytes);
  return {};
}

Result<void> read_id(WireReader& reader, TypeId& id) {
  auto const value = reader.integer();
  if (!value) return failure_of(value);
  id = *value;
  return {};
}

/// struct {0 Name string, 1 Id int}: both the CommonType and a field definition look like this.
Result<void> read_name_and_id(WireReader& reader, std::string& name, TypeId& id) {
  FieldCursor cursor{reader};
  while (true) {
    auto const number = cursor.next();
    if (!number) return failure_of(number);
    if (*number < 0) return {};
    Result<void> done;
    switch (*number) {
      case 0: done = read_text(reader, name); break;
      case 1: done = read_id(reader, id); break;
      default: return bad_data("field numbers out of bounds");
    }
    if (!done) return done;
  }
}

Result<void> read_fields(WireReader& reader, std::vector<Descriptor::Field>& fields) {
  auto const count = reader.count(1);
  if (!count) return failure_of(count);
  if (*count > kMaxFields) return bad_data("too many fields in one type");
  fields.reserve(*count);
  for (std::size_t i = 0; i < *count; ++i) {
    Descriptor::Field field;
    if (auto const done = read_name_and_id(reader, field.name, field.type); !done) return done;
    fields.push_back(std::move(field));
  }
  return {};
}

/// The fields that follow the CommonType; which ones exist depends on the kind.
Result<void> read_detail(WireReader& reader, std::int64_t number, Descriptor& type) {
  switch (type.kind) {
    case Kind::array:
      if (number == 1) return read_id(reader, type.element);
      if (number == 2) {
        auto const length = reader.integer();
        if (!length) return failure_of(length);
        if (*length < 0) return bad_data("array of negative length");
        type.length = static_cast<std::uint64_t>(*length);
        return {};
      }
      break;
    case Kind::slice:
      if (number == 1) return read_id(reader, type.element);
      break;
    case Kind::structure:
      if (number == 1) return read_fields(reader, type.fields);
      break;
    case Kind::map:
      if (number == 1) return read_id(reader, type.key);
      if (number == 2) return read_id(reader, type.element);
      break;
    case Kind::opaque:
    case Kind::boolean:
    case Kind::integer:
    case Kind::unsigned_integer:
    case Kind::floating:
    case Kind::bytes:
    case Kind::string:
    case Kind::complex:
    case Kind::interface: break;
  }
  return bad_data("field numbers out of bounds");
}

Result<Kind> kind_of_choice(std::int64_t number) {
  static constexpr Kind kKinds[] = {Kind::array,  Kind::slice,  Kind::structure, Kind::map,
                                    Kind::opaque, Kind::opaque, Kind::opaque};
  if (number < 0) return bad_data("type definition without a kind");
  if (number >= static_cast<std::int64_t>(std::size(kKinds))) return bad_data("field numbers out of bounds");
  return kKinds[number];
}

Result<void> read_kind_struct(WireReader& reader, Descriptor& type) {
  FieldCursor cursor{reader};
  while (true) {
    auto const number = cursor.next();
    if (!number) return failure_of(number);
    if (*number < 0) return {};
    if (*number > 0) {
      if (auto const done = read_detail(reader, *number, type); !done) return done;
      continue;
    }
    // The id repeated here is not looked at, as in Go: the one in front of the message counts.
    TypeId repeated = 0;
    if (auto const done = read_name_and_id(reader, type.name, repeated); !done) return done;
  }
}

} // namespace

Result<Descriptor> decode_descriptor(WireReader& message) {
  FieldCursor choice{message};
  auto const number = choice.next();
  if (!number) return failure_of(number);
  auto const kind = kind_of_choice(*number);
  if (!kind) return failure_of(kind);
  Descriptor type{.kind = *kind};
  if (auto const done = read_kind_struct(message, type); !done) return failure_of(done);
  auto const end = choice.next();
  if (!end) return failure_of(end);
  if (*end >= 0) return bad_data("type definition of two kinds");
  if (!message.empty()) return bad_data("extra data after a type definition");
  return type;
}

namespace {

void write_name_and_id(WireWriter& out, std::string_view name, TypeId id) {
  if (name.empty()) {
    out.unsigned_integer(2);
  } else {
    out.unsigned_integer(1);
    out.bytes(as_bytes(name));
    out.unsigned_integer(1);
  }
  out.integer(id);
  out.unsigned_integer(0);
}

std::uint64_t choice_of(Kind kind) {
  switch (kind) {
    case Kind::array: return 1;
    case Kind::slice: return 2;
    case Kind::structure: return 3;
    case Kind::map: return 4;
    case Kind::opaque:
    case Kind::boolean:
    case Kind::integer:
    case Kind::unsigned_integer:
    case Kind::floating:
    case Kind::bytes:
    case Kind::string:
    case Kind::complex:
    case Kind::interface: break;
  }
  return 5;
}

void write_fields(WireWriter& out, std::vector<Descriptor::Field> const& fields) {
  if (fields.empty()) return;
  out.unsigned_integer(1);
  out.unsigned_integer(fields.size());
  for (auto const& field : fields) write_name_and_id(out, field.name, field.type);
}

void write_detail(WireWriter& out, Descriptor const& type) {
  if (type.kind == Kind::structure) return write_fields(out, type.fields);
  if (type.kind == Kind::map) {
    out.unsigned_integer(1);
    out.integer(type.key);
  }
  if (type.kind == Kind::opaque) return;
  out.unsigned_integer(1);
  out.integer(type.element);
  if (type.kind == Kind::array && type.length != 0) {
    out.unsigned_integer(1);
    out.integer(static_cast<std::int64_t>(type.length));
  }
}

} // namespace

Bytes encode_descriptor(TypeId id, Descriptor const& descriptor) {
  WireWriter body;
  body.integer(-id);
  body.unsigned_integer(choice_of(descriptor.kind));
  body.unsigned_integer(1);
  write_name_and_id(body, descriptor.name, id);
  write_detail(body, descriptor);
  body.unsigned_integer(0);
  body.unsigned_integer(0);
  WireWriter message;
  message.bytes(body.written());
  return message.take();
}

TypeTable::TypeTable() {
  static constexpr Kind kPredefined[] = {Kind::boolean, Kind::integer, Kind::unsigned_integer, Kind::floating,
                                         Kind::bytes,   Kind::string,  Kind::complex,          Kind::interface};
  TypeId id = kBoolId;
  for (auto const kind : kPredefined) types_.emplace(id++, Descriptor{.kind = kind});
}

Result<void> TypeTable::define(TypeId id, Descriptor descriptor) {
  if (types_.contains(id)) return bad_data("duplicate type received");
  if (id < 64) return bad_data(fmt::format("type id {} is reserved", id));
  fields_ += descriptor.fields.size();
  if (types_.size() >= kMaxTypes || fields_ > kMaxFields) return bad_data("too many types in one stream");
  types_.emplace(id, std::move(descriptor));
  return {};
}

Descriptor const* TypeTable::find(TypeId id) const {
  auto const found = types_.find(id);
  return found == types_.end() ? nullptr : &found->second;
}

Result<void> TypeTable::check_complete(TypeId id) {
  std::vector<TypeId> to_visit{id};
  while (!to_visit.empty()) {
    auto const current = to_visit.back();
    to_visit.pop_back();
    if (!complete_.insert(current).second) continue;
    auto const* const type = find(current);
    // Left in the set: whoever meets this error gives the stream up.
    if (type == nullptr) return bad_data(fmt::format("bad data: undefined type {}", current));
    if (type->kind == Kind::map) to_visit.push_back(type->key);
    if (type->kind == Kind::map || type->kind == Kind::slice || type->kind == Kind::array) {
      to_visit.push_back(type->element);
    }
    for (auto const& field : type->fields) to_visit.push_back(field.type);
  }
  return {};
}

} // namespace weave::gossip::gob
