#include "controller/dns/dns_message.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "controller/dns/query.hpp"

namespace weave::controller::dns {
namespace {

DomainName name(std::string_view text) { return DomainName::parse(text).value(); }

std::optional<DomainName> read(Bytes const& message, std::size_t offset) { return DomainName::read(message, offset); }

TEST(DomainName, ReadsAndWritesPresentationFormat) {
  EXPECT_EQ(name("www.Example.com").to_string(), "www.Example.com.");
  EXPECT_EQ(name(".").to_string(), ".");
  EXPECT_EQ(name("a\\.b.c.").label_count(), 2U);
  EXPECT_EQ(name("a\\.b\\000\\\\.c.").to_string(), "a\\.b\\000\\\\.c.");
  EXPECT_EQ(name("\\065.").to_string(), "A.");
  for (auto const* bad : {"", "..", "a..b", ".a", "a\\", "a\\25", "a\\256"})
    EXPECT_FALSE(DomainName::parse(bad)) << bad;
}

TEST(DomainName, KnowsItsLimits) {
  std::string const label(63, 'a');
  EXPECT_TRUE(DomainName::parse(label));
  EXPECT_FALSE(DomainName::parse(label + "a"));
  auto const longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  EXPECT_EQ(name(longest).size(), 255U);
  EXPECT_FALSE(DomainName::parse(longest + "b"));
  EXPECT_FALSE(name("x").in_domain(name(longest)));
  DomainName::Text room;
  std::string unprintable;
  for (int i = 0; i < 63; ++i) unprintable += "\\001";
  auto const worst = unprintable + "." + unprintable + "." + unprintable;
  EXPECT_EQ(name(worst).lower_case_text(room), worst + ".");
}

TEST(DomainName, ComparesByLabels) {
  EXPECT_TRUE(name("ONE.Weave.Local").is_within(name("weave.local")));
  EXPECT_TRUE(name("weave.local").is_within(name("WEAVE.local")));
  EXPECT_FALSE(name("noweave.local").is_within(name("weave.local")));
  EXPECT_FALSE(name("local").is_within(name("weave.local")));
  EXPECT_TRUE(name("x").is_within(DomainName{}));
  // A label that contains what looks like labels.
  EXPECT_FALSE(name("a\\005weave\\005local").is_within(name("weave.local")));
  EXPECT_TRUE(name("A.b").matches(name("a.B")));
  EXPECT_NE(name("A.b"), name("a.b"));
}

TEST(DomainName, FollowsPointersBackwardsOnly) {
  Bytes const message{3, 'c', 'o', 'm', 0, 1, 'a', 0xc0, 0, 1, 'b', 0xc0, 5, 0xc0, 13, 0xc0, 15, 0xc0};
  EXPECT_EQ(read(message, 5)->to_string(), "a.com.");
  EXPECT_EQ(read(message, 9)->to_string(), "b.a.com.");
  EXPECT_FALSE(read(message, 13)); // to itself
  EXPECT_FALSE(read(message, 17)); // cut
  EXPECT_FALSE(read({0x40, 1, 0}, 0));
  EXPECT_FALSE(read({2, 'a'}, 0));
  EXPECT_FALSE(read({}, 0));
  EXPECT_FALSE(read({1, 'a'}, 0));
  // A pointer into the middle of the same name would loop.
  EXPECT_FALSE(read({1, 'a', 0xc0, 0}, 0));
  std::size_t offset = 9;
  ASSERT_TRUE(DomainName::read(message, offset));
  EXPECT_EQ(offset, 13U);
}

Message example() {
  Message message;
  message.header = {.id = 7, .response = true, .authoritative = true, .recursion_desired = true};
  message.header.rcode = Rcode::name_error;
  message.questions.push_back({.name = name("www.example.com"), .type = record_type::a});
  auto const owner = name("www.example.com");
  message.answers.push_back({.owner = owner, .type = record_type::cname, .ttl = 60, .data = name("a.example.com")});
  message.answers.push_back({.owner = name("a.example.com"), .ttl = 5, .data = Ipv4Address{0x0a200001}});
  message.answers.push_back({.owner = owner, .type = record_type::aaaa, .ttl = 5, .data = Ipv6Bytes{0xfd, 1}});
  message.answers.push_back({.owner = owner, .type = 16, .ttl = 5, .data = Bytes{2, 'h', 'i'}});
  message.answers.push_back({.owner = owner, .type = record_type::mx, .ttl = 5, .data = Bytes{0, 10, 1, 'm', 0}});
  message.authority.push_back({.owner = name("example.com"),
                               .type = record_type::soa,
                               .ttl = 30,
                               .data = Soa{.primary = name("ns.example.com"),
                                           .mailbox = name("h.example.com"),
                                           .serial = 1,
                                           .refresh = 2,
                                           .retry = 3,
                                           .expire = 4,
                                           .minimum = 5}});
  message.additional.push_back({.owner = owner, .type = record_type::ptr, .ttl = 5, .data = name("example.com")});
  message.edns = Edns{.udp_size = 1232, .extended_rcode = 1, .dnssec_ok = true, .options = {0, 10, 0, 1, 7}};
  return message;
}

TEST(DnsMessage, SurvivesEncodingWithAndWithoutCompression) {
  auto const message = example();
  auto const plain = encode_message(message);
  auto const compressed = encode_message(message, true);
  EXPECT_LT(compressed.size() + 100, plain.size());
  for (auto const& bytes : {plain, compressed}) {
    auto const decoded = decode_message(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->header.rcode, Rcode::name_error);
    EXPECT_EQ(decoded->header.answers, 5);
    EXPECT_EQ(decoded->questions, message.questions);
    EXPECT_EQ(decoded->answers, message.answers);
    EXPECT_EQ(decoded->authority, message.authority);
    EXPECT_EQ(decoded->additional, message.additional);
    EXPECT_EQ(decoded->edns, message.edns);
  }
}

TEST(DnsMessage, EveryFlagHasItsBit) {
  for (unsigned flags = 0; flags < 0x10000; ++flags) {
    Bytes bytes(kHeaderSize);
    bytes[2] = static_cast<std::uint8_t>(flags >> 8U);
    bytes[3] = static_cast<std::uint8_t>(flags);
    Bytes again(kHeaderSize);
    Header::decode(bytes)->encode(std::span{again}.first<kHeaderSize>());
    bytes[3] &= 0xbf; // the bit that must be zero
    ASSERT_EQ(again, bytes);
  }
}

TEST(DnsMessage, RefusesEveryCutAndSurvivesEveryChange) {
  for (auto const& whole : {encode_message(example()), encode_message(example(), true)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      Bytes const cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(decode_message(cut)) << size;
      EXPECT_FALSE(parse_query(cut)) << size;
    }
    SeededRandom random{1};
    for (int round = 0; round < 20'000; ++round) {
      auto bytes = whole;
      for (auto n = random.below(4); n <= 3; ++n) {
        bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.u64());
      }
      (void)parse_query(bytes);
      auto const decoded = decode_message(bytes);
      if (!decoded) continue;
      auto const again = decode_message(encode_message(*decoded, round % 2 == 0));
      ASSERT_TRUE(again);
      EXPECT_EQ(again->answers, decoded->answers);
    }
  }
}

TEST(Query, SizeThatTheClientTakes) {
  Query query;
  EXPECT_EQ(query.reply_limit(Transport::udp), 512U);
  EXPECT_EQ(query.reply_limit(Transport::tcp), 65535U);
  query.has_edns = true;
  query.edns_size = 100;
  EXPECT_EQ(query.reply_limit(Transport::udp), 100U);
  query.edns_size = 65535;
  EXPECT_EQ(query.reply_limit(Transport::udp), 4096U);
}

} // namespace
} // namespace weave::controller::dns
