#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "gossip/gob/decoder.hpp"
#include "gossip/gob/encoder.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::gossip {
namespace {

namespace json = boost::json;
using test::VectorFile;

struct Inner {
  std::int64_t a = 0;
  std::string b;
  friend bool operator==(Inner const&, Inner const&) = default;
};

constexpr auto gob_schema(gob::Of<Inner>) {
  return gob::schema("Inner", gob::field("A", &Inner::a), gob::field("B", &Inner::b));
}

/// The struct of the vectors gob_compound and gob_compound_zero.
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
  std::optional<std::map<std::string, std::uint64_t>> nil_map;
  std::array<std::uint16_t, 2> zero_array{};
  friend bool operator==(Outer const&, Outer const&) = default;
};

constexpr auto gob_schema(gob::Of<Outer>) {
  return gob::schema(
      "Outer", gob::field("Num", &Outer::number), gob::field("List", &Outer::list, "[]main.Inner"),
      gob::field("Names", &Outer::names, "map[string]uint64"), gob::field("Fixed", &Outer::fixed, "[3]uint16"),
      gob::field("One", &Outer::one), gob::field("Ptr", &Outer::pointer), gob::field("Flag", &Outer::flag),
      gob::field("Raw", &Outer::raw), gob::field("Float", &Outer::floating),
      gob::field("Strs", &Outer::strings, "[]string"), gob::field("NilMap", &Outer::nil_map, "map[string]uint64"),
      gob::field("ZeroArr", &Outer::zero_array, "[2]uint16"));
}

struct Key {
  std::uint64_t name = 0;
  std::uint64_t uid = 0;
  friend auto operator<=>(Key const&, Key const&) = default;
};

constexpr auto gob_schema(gob::Of<Key>) {
  return gob::schema("", gob::field("Name", &Key::name), gob::field("UID", &Key::uid));
}

struct EmptyMap {
  std::map<std::string, std::uint64_t> map;
};

constexpr auto gob_schema(gob::Of<EmptyMap>) {
  return gob::schema("emptymap", gob::field("M", &EmptyMap::map, "map[string]uint64"));
}

VectorFile& mesh() { return VectorFile::load("mesh"); }

Bytes hex(std::string_view text) { return parse_hex(text).value(); }

std::string text_of(json::object const& row, std::string_view key) { return std::string{row.at(key).as_string()}; }

template <class T>
void expect_both_ways(json::object const& row, T const& value) {
  Bytes const wire = test::hex_member(row, "toplevel");
  EXPECT_EQ(to_hex(gob::encode(value)), to_hex(wire));
  gob::Decoder decoder{wire};
  auto const decoded = decoder.decode<T>();
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_EQ(*decoded, value);
  EXPECT_TRUE(decoder.at_end());
  // The bare form is what follows length, id and the singleton's zero.
  auto const bare = row.contains("bare") ? text_of(row, "bare") : std::string{};
  EXPECT_TRUE(to_hex(wire).ends_with(bare));
}

void check_primitive(json::object const& row) {
  auto const type = text_of(row, "go");
  SCOPED_TRACE(json::serialize(row));
  if (type == "[]byte") return expect_both_ways(row, hex(text_of(row, "value_hex")));
  auto const& value = row.at("value");
  if (type == "uint64") return expect_both_ways(row, std::uint64_t{std::stoull(text_of(row, "value"))});
  if (type == "int64") return expect_both_ways(row, std::int64_t{std::stoll(text_of(row, "value"))});
  if (type == "bool") return expect_both_ways(row, value.as_bool());
  if (type == "float64") return expect_both_ways(row, value.to_number<double>());
  if (type == "string") return expect_both_ways(row, text_of(row, "value"));
  ADD_FAILURE() << "unknown type";
}

TEST(GobVectors, Primitives) {
  for (auto const& row : mesh().named("gob_primitives").at("table").as_array()) check_primitive(row.as_object());
  mesh().covered("gob_primitives");
}

template <class T>
T expect_decodes(Bytes const& wire) {
  gob::Decoder decoder{wire};
  auto value = decoder.decode<T>();
  EXPECT_TRUE(value) << value.error().text();
  EXPECT_TRUE(decoder.at_end());
  return value.value_or(T{});
}

TEST(GobVectors, CompoundStruct) {
  Bytes const wire = test::hex_member(mesh().named("gob_compound"), "hex");
  auto const value = expect_decodes<Outer>(wire);
  Outer expected;
  expected.number = -3;
  expected.list = {{1, "x"}, {}};
  expected.names = {{"k", 7}};
  expected.fixed = {0, 1, 2};
  expected.pointer = Inner{.b = "p"};
  expected.raw = {9};
  expected.strings = {"s", ""};
  EXPECT_EQ(value, expected);
  EXPECT_EQ(to_hex(gob::encode(value)), to_hex(wire));
  mesh().covered("gob_compound");
}

TEST(GobVectors, ZeroStructSendsNestedStructsAndArrays) {
  Bytes const wire = test::hex_member(mesh().named("gob_compound_zero"), "hex");
  EXPECT_EQ(expect_decodes<Outer>(wire), Outer{});
  EXPECT_EQ(to_hex(gob::encode(Outer{})), to_hex(wire));
  mesh().covered("gob_compound_zero");
}

TEST(GobVectors, EmptyMapThatIsNotNilIsSent) {
  Bytes const wire = test::hex_member(mesh().named("gob_empty_nonnil_map_field"), "hex");
  EXPECT_TRUE(expect_decodes<EmptyMap>(wire).map.empty());
  // The process behind the vector had met the map's type long before the struct's, so only the length can agree.
  EXPECT_EQ(gob::encode(EmptyMap{}).size(), wire.size());
  mesh().covered("gob_empty_nonnil_map_field");
}

TEST(GobVectors, MarshalledValueIsOpaque) {
  Bytes const wire = test::hex_member(mesh().named("gob_binary_marshaler"), "hex");
  auto const value = expect_decodes<gob::Opaque>(wire);
  EXPECT_EQ(to_hex(value.bytes), "010000000edb0fef8200000000ffff");
  EXPECT_EQ(to_hex(gob::Encoder{73}.encode(value, "Time").take()), to_hex(wire));
  mesh().covered("gob_binary_marshaler");
}

TEST(GobVectors, DescriptorOnceInAStream) {
  Bytes const wire = test::hex_member(mesh().named("gob_stream_descriptor_once"), "hex");
  using Texts = std::map<std::string, std::string>;
  gob::Decoder decoder{wire};
  EXPECT_EQ(decoder.decode<Texts>().value(), (Texts{{"a", "1"}}));
  EXPECT_EQ(decoder.decode<Bytes>().value(), (Bytes{0}));
  EXPECT_EQ(decoder.decode<Bytes>().value(), (Bytes{4, 5}));
  EXPECT_TRUE(decoder.decode<Texts>().value().empty());
  EXPECT_TRUE(decoder.at_end());
  auto const end = decoder.decode<Texts>();
  EXPECT_EQ(end.error(), (Error{ErrorKind::not_found, "EOF"}));

  gob::Encoder encoder{74};
  encoder.encode(Texts{{"a", "1"}}).encode(Bytes{0}).encode(Bytes{4, 5}).encode(Texts{});
  EXPECT_EQ(to_hex(encoder.written()), to_hex(wire));
  mesh().covered("gob_stream_descriptor_once");
}

TEST(Gob, NestedTypesMayBeDefinedInAnyOrderBeforeTheValue) {
  // []Inner as 70, Inner as 90, the element defined after the slice and once before it.
  gob::Descriptor const slice{.kind = gob::Kind::slice, .element = 90};
  gob::Descriptor const inner{.kind = gob::Kind::structure, .name = "other name", .fields = {{"B", 6}, {"A", 2}}};
  Bytes const value = hex("0bff8c000201017801020000");
  for (bool const element_first : {false, true}) {
    gob::WireWriter stream;
    if (element_first) stream.raw(gob::encode_descriptor(90, inner));
    stream.raw(gob::encode_descriptor(70, slice));
    if (!element_first) stream.raw(gob::encode_descriptor(90, inner));
    stream.raw(value);
    gob::Decoder decoder{stream.written()};
    auto const list = decoder.decode<std::vector<Inner>>();
    ASSERT_TRUE(list) << list.error().text();
    EXPECT_EQ(*list, (std::vector<Inner>{{1, "x"}, {}}));
  }
}

TEST(Gob, MapsWithStructKeysRoundTrip) {
  std::map<Key, std::vector<Inner>> const value{{{7, 1}, {{-1, "a"}, {2, ""}}}, {{9, 0}, {}}};
  EXPECT_EQ((expect_decodes<std::map<Key, std::vector<Inner>>>(gob::encode(value))), value);
}

} // namespace
} // namespace weave::gossip
