// Streams no honest sender writes: each must end in an error, quickly and without memory.
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "gossip/features.hpp"
#include "gossip/gob/decoder.hpp"
#include "gossip/gob/encoder.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::gossip {
namespace {

using gob::Descriptor;
using gob::Kind;
using gob::TypeId;

struct Wide {
  std::uint16_t number = 0;
  std::int8_t small = 0;
  std::string text;
  std::vector<std::string> texts;
  std::map<std::string, std::string> map;
};

constexpr auto gob_schema(gob::Of<Wide>) {
  return gob::schema("Wide", gob::field("Number", &Wide::number), gob::field("Small", &Wide::small),
                     gob::field("Text", &Wide::text), gob::field("Texts", &Wide::texts), gob::field("Map", &Wide::map));
}

/// Recursive on our side too.
struct Tree {
  std::vector<Tree> branches;
};

constexpr auto gob_schema(gob::Of<Tree>) { return gob::schema("Tree", gob::field("Branches", &Tree::branches)); }

class StreamBuilder {
 public:
  StreamBuilder& define(TypeId id, Descriptor const& type) {
    stream_.raw(gob::encode_descriptor(id, type));
    return *this;
  }
  StreamBuilder& value(TypeId id, std::string_view hex_body) {
    gob::WireWriter message;
    message.integer(id);
    message.raw(parse_hex(hex_body).value());
    stream_.bytes(message.written());
    return *this;
  }
  StreamBuilder& raw(std::string_view hex) {
    stream_.raw(parse_hex(hex).value());
    return *this;
  }
  [[nodiscard]] Bytes const& bytes() const { return stream_.written(); }

 private:
  gob::WireWriter stream_;
};

Descriptor structure(std::vector<Descriptor::Field> fields) {
  return {.kind = Kind::structure, .name = "S", .fields = std::move(fields)};
}
Descriptor slice_of(TypeId element) { return {.kind = Kind::slice, .element = element}; }

template <class T>
std::string error_of(StreamBuilder const& stream) {
  gob::Decoder decoder{stream.bytes()};
  auto const value = decoder.decode<T>();
  if (value) return "none";
  EXPECT_FALSE(decoder.at_end());
  return value.error().text();
}

TEST(GobHostile, Streams) {
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("00")), "unexpected EOF");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("f8ffffffffffffffff")), "unexpected EOF");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("80")), "gob: encoded unsigned integer out of range");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("f7")), "gob: encoded unsigned integer out of range");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("030c0001")), "unexpected EOF");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("030c0100")),
            "gob: corrupted data: non-zero delta for singleton");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("0c0c00f8ffffffffffffffff61")), "unexpected EOF");
  // Go accepts what is not minimal.
  EXPECT_EQ(error_of<std::uint64_t>(StreamBuilder{}.raw("050600fe0005")), "none");
  EXPECT_EQ(error_of<std::uint64_t>(StreamBuilder{}.raw("03000000")), "gob: bad data: undefined type 0");
}

TEST(GobHostile, WrongKindsAndWidths) {
  EXPECT_EQ(error_of<std::uint64_t>(StreamBuilder{}.raw("03040002")),
            "gob: type mismatch: expected uint, received int");
  EXPECT_EQ(error_of<std::int64_t>(StreamBuilder{}.raw("03060002")), "gob: type mismatch: expected int, received uint");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("030a0000")),
            "gob: type mismatch: expected string, received bytes");
  EXPECT_EQ(error_of<std::uint16_t>(StreamBuilder{}.raw("060600fd010000")), "gob: value out of range");
  EXPECT_EQ(error_of<PeerName>(StreamBuilder{}.raw("0a0600f901000000000000")), "gob: peer name of more than 48 bits");
  // A clash shows even if the field is not sent.
  auto const clash = StreamBuilder{}.define(65, structure({{"Number", gob::kIntId}})).value(65, "00");
  EXPECT_EQ(error_of<Wide>(clash), "gob: type mismatch: expected uint, received int");
  auto const unrelated = StreamBuilder{}.define(65, structure({{"Other", gob::kIntId}})).value(65, "00");
  EXPECT_EQ(error_of<Wide>(unrelated), "gob: type mismatch: no fields matched");
  auto const small = StreamBuilder{}.define(65, structure({{"Small", gob::kIntId}}));
  EXPECT_EQ(error_of<Wide>(StreamBuilder{small}.value(65, "01ffff00")), "none");
  EXPECT_EQ(error_of<Wide>(StreamBuilder{small}.value(65, "01fe010000")), "gob: value out of range");
}

TEST(GobHostile, Definitions) {
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.define(65, slice_of(6)).define(65, slice_of(6))),
            "gob: duplicate type received");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.define(6, slice_of(6))), "gob: duplicate type received");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.define(20, slice_of(6))), "gob: type id 20 is reserved");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.define(65, slice_of(6))), "unexpected EOF");
  EXPECT_EQ(error_of<std::vector<std::string>>(StreamBuilder{}.define(65, slice_of(70)).value(65, "0000")),
            "gob: bad data: undefined type 70");
  EXPECT_EQ(error_of<Wide>(StreamBuilder{}
                               .define(65, structure({{"Number", 3}, {"Extra", 66}}))
                               .define(66, slice_of(99))
                               .value(65, "00")),
            "gob: bad data: undefined type 99");
  // Int -65, no kind; two kinds; an unknown kind; octets behind the definition; the most negative id.
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("03ff8100")), "gob: type definition without a kind");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("04ff810200")), "unexpected EOF");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("06ff8102000100")), "gob: type definition of two kinds");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("05ff81080000")), "gob: field numbers out of bounds");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("06ff8102000000")), "gob: extra data after a type definition");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.raw("09f8ffffffffffffffff")), "gob: type id out of range");
}

TEST(GobHostile, FieldNumbersBeyondTheDefinition) {
  auto const type = StreamBuilder{}.define(65, structure({{"Number", 3}, {"Text", 6}}));
  EXPECT_EQ(error_of<Wide>(StreamBuilder{type}.value(65, "03")), "gob: bad data: field numbers out of bounds");
  EXPECT_EQ(error_of<Wide>(StreamBuilder{type}.value(65, "010502")), "gob: bad data: field numbers out of bounds");
  EXPECT_EQ(error_of<Wide>(StreamBuilder{type}.value(65, "f8ffffffffffffffff")),
            "gob: bad data: field numbers out of bounds");
  // The end of the message may stand for the end of the struct.
  EXPECT_EQ(error_of<Wide>(StreamBuilder{type}.value(65, "0105")), "none");
}

TEST(GobHostile, CountsBeyondTheBytesReserveNothing) {
  for (auto const* count : {"f8ffffffffffffffff", "fb0100000000", "05"}) {
    auto const list = StreamBuilder{}.define(65, slice_of(6)).value(65, std::string{"00"} + count + "0000");
    EXPECT_EQ(error_of<std::vector<std::string>>(list), "unexpected EOF");
    auto const map =
        StreamBuilder{}.define(65, {.kind = Kind::map, .key = 6, .element = 6}).value(65, std::string{"00"} + count);
    EXPECT_EQ(error_of<Features>(map), "unexpected EOF");
  }
}

TEST(GobHostile, ZeroSizeElementsAreCountedByTheirOctets) {
  auto const empty = structure({});
  // Unknown field: a slice of 2^40 empty structs, then of empty arrays, whose elements cost nothing to a naive reader.
  auto const structs = StreamBuilder{}
                           .define(65, structure({{"Number", 3}, {"Bomb", 66}}))
                           .define(66, slice_of(67))
                           .define(67, empty)
                           .value(65, "02fa010000000000");
  EXPECT_EQ(error_of<Wide>(structs), "unexpected EOF");
  auto const arrays = StreamBuilder{}
                          .define(65, structure({{"Number", 3}, {"Bomb", 66}}))
                          .define(66, {.kind = Kind::array, .element = 67, .length = std::uint64_t{1} << 40})
                          .define(67, {.kind = Kind::array, .element = 67})
                          .value(65, "02fa010000000000");
  EXPECT_EQ(error_of<Wide>(arrays), "unexpected EOF");
  // An element may not hide behind the end of the message.
  auto const hidden = StreamBuilder{}.define(65, slice_of(66)).define(66, empty).value(65, "0001");
  EXPECT_EQ(error_of<std::vector<Tree>>(hidden), "unexpected EOF");
}

TEST(GobHostile, SelfReferenceIsBoundedByDepth) {
  std::string body = "02";
  for (int i = 0; i < 5000; ++i) body += "01";
  auto const unknown =
      StreamBuilder{}.define(65, structure({{"Number", 3}, {"Bomb", 66}})).define(66, slice_of(66)).value(65, body);
  EXPECT_EQ(error_of<Wide>(unknown), "gob: value is nested too deeply");
  auto const known =
      StreamBuilder{}.define(65, structure({{"Branches", 66}})).define(66, slice_of(65)).value(65, body.substr(2));
  EXPECT_EQ(error_of<Tree>(known), "gob: value is nested too deeply");
  auto const honest = StreamBuilder{}
                          .define(65, structure({{"Branches", 66}}))
                          .define(66, slice_of(65))
                          .value(65,
                                 "0102"
                                 "010100"
                                 "00"
                                 "00"
                                 "00");
  EXPECT_EQ(error_of<Tree>(honest), "none");
}

TEST(GobHostile, ManyTypesAndFieldsAreRefused) {
  StreamBuilder types;
  for (TypeId id = 65; id < 65 + 5000; ++id) types.define(id, slice_of(id + 1));
  EXPECT_EQ(error_of<std::string>(types), "gob: too many types in one stream");
  EXPECT_EQ(error_of<std::string>(StreamBuilder{}.define(65, structure(std::vector<Descriptor::Field>(9000)))),
            "gob: too many fields in one type");
  StreamBuilder fields;
  for (TypeId id = 65; id < 67; ++id) fields.define(id, structure(std::vector<Descriptor::Field>(5000, {"F", 3})));
  EXPECT_EQ(error_of<std::string>(fields), "gob: too many types in one stream");
}

TEST(GobHostile, MemoryIsPaidForInOctets) {
  // One octet each on the wire, a hundred in memory: 2 MiB would become 200.
  struct Expectation {
    std::size_t count;
    std::string error;
  };
  for (auto const& [count, error] :
       {Expectation{std::size_t{1} << 12, "none"},
        Expectation{std::size_t{1} << 21, "gob: value needs too much memory for its size"}}) {
    gob::WireWriter body;
    body.integer(65);
    body.unsigned_integer(0);
    body.unsigned_integer(count);
    body.raw(Bytes(count, 0));
    gob::WireWriter stream;
    stream.raw(gob::encode_descriptor(65, slice_of(66)));
    stream.raw(gob::encode_descriptor(66, structure({{"Number", 3}})));
    stream.bytes(body.written());
    gob::Decoder decoder{stream.written()};
    auto const value = decoder.decode<std::vector<Wide>>();
    EXPECT_EQ(value ? "none" : value.error().text(), error);
  }
}

TEST(GobHostile, AnErrorIsFinal) {
  auto const stream = StreamBuilder{}.raw("030c0001").raw("03060001");
  gob::Decoder decoder{stream.bytes()};
  auto const first = decoder.decode<std::uint64_t>();
  ASSERT_FALSE(first);
  EXPECT_EQ(decoder.decode<std::uint64_t>(), first);
  EXPECT_FALSE(decoder.at_end());
}

void decode_as_everything(ByteView bytes) {
  (void)gob::Decoder{bytes}.decode<Wide>();
  (void)gob::Decoder{bytes}.decode<std::vector<Tree>>();
  (void)gob::Decoder{bytes}.decode<Features>();
  gob::Decoder several{bytes};
  while (several.decode<Wide>() && several.decode<std::vector<Wide>>()) {
  }
}

TEST(GobHostile, MutatedVectorsNeverHarm) {
  SeededRandom random{20261124};
  for (auto const& item : test::VectorFile::load("mesh").all()) {
    if (item.at("group").as_string() != "topology" && item.at("group").as_string() != "features") continue;
    Bytes const original = test::hex_member(item.as_object(), "hex");
    for (std::size_t size = 0; size < original.size(); ++size) decode_as_everything(ByteView{original}.first(size));
    for (int round = 0; round < 500 && !original.empty(); ++round) {
      Bytes bytes = original;
      for (int flips = 0; flips < 3; ++flips) {
        bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.u64());
      }
      decode_as_everything(bytes);
    }
  }
}

} // namespace
} // namespace weave::gossip
