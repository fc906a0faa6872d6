// The gob decoder with every kind of local type against any stream.
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gossip/gob/decoder.hpp"
#include "gossip/gob/encoder.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

namespace gob = gossip::gob;

struct Inner {
  std::int64_t number = 0;
  std::string text;
};
constexpr auto gob_schema(gob::Of<Inner>) {
  return gob::schema("Inner", gob::field("A", &Inner::number), gob::field("B", &Inner::text));
}

struct Outer {
  std::int64_t number = 0;
  std::vector<Inner> list;
  std::optional<std::map<std::string, std::uint64_t>> names;
  std::array<std::uint16_t, 3> fixed{};
  Inner one;
  std::optional<Inner> pointer;
  bool flag = false;
  Bytes raw;
  double floating = 0;
  std::vector<std::string> strings;
};
constexpr auto gob_schema(gob::Of<Outer>) {
  return gob::schema("Outer", gob::field("Num", &Outer::number), gob::field("List", &Outer::list),
                     gob::field("Names", &Outer::names), gob::field("Fixed", &Outer::fixed),
                     gob::field("One", &Outer::one), gob::field("Ptr", &Outer::pointer),
                     gob::field("Flag", &Outer::flag), gob::field("Raw", &Outer::raw),
                     gob::field("Float", &Outer::floating), gob::field("Strs", &Outer::strings));
}

struct Tree {
  std::vector<Tree> branches;
};
constexpr auto gob_schema(gob::Of<Tree>) { return gob::schema("Tree", gob::field("Branches", &Tree::branches)); }

/// Knows one field of what comes, so that everything else is skipped.
struct Narrow {
  std::uint8_t number = 0;
};
constexpr auto gob_schema(gob::Of<Narrow>) { return gob::schema("Narrow", gob::field("Num", &Narrow::number)); }

template <class T>
[[nodiscard]] Bytes encoded(T const& value) {
  return gob::Encoder{}.encode(value).take();
}

/// What was understood means the same after another turn on the wire.
template <class T>
void decode_all(ByteView stream) {
  gob::Decoder decoder{stream};
  while (auto const value = decoder.decode<T>()) {
    auto const first = encoded(*value);
    gob::Decoder again{first};
    auto const copy = again.decode<T>();
    demand(copy.has_value(), "what we encode can be decoded");
    demand(encoded(*copy) == first, "decoding and encoding is stable");
  }
}

void decode_as(std::uint8_t type, ByteView stream) {
  switch (type % 8) {
    case 0: return decode_all<Outer>(stream);
    case 1: return decode_all<Tree>(stream);
    case 2: return decode_all<Narrow>(stream);
    case 3: return decode_all<std::map<std::string, std::string>>(stream);
    case 4: return decode_all<std::vector<Inner>>(stream);
    case 5: return decode_all<std::string>(stream);
    case 6: return decode_all<std::int64_t>(stream);
    default: return decode_all<Inner>(stream);
  }
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  weave::fuzz::FuzzInput input{data, size};
  auto const type = input.u8();
  weave::fuzz::decode_as(type, input.rest());
  return 0;
}
