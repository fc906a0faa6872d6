#include "controller/dns/answering.hpp"

#include <set>

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

#include "test/fixtures/vectors.hpp"
#include "test/unit/dns/dns_text.hpp"

namespace weave::controller::dns {
namespace {

using namespace weave::controller::dns::test;

class AnsweringTest : public testing::Test {
 public:
  Decision ask(Bytes const& query, Transport transport = Transport::udp) {
    std::vector<std::uint8_t> room(transport == Transport::tcp ? Answering::kTcpRoom : Answering::kUdpRoom);
    auto const decision = answering_.answer(query, transport, names_, room);
    reply_bytes_.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(decision.size));
    reply_ = {};
    if (decision.size > 0) reply_ = decode_message(reply_bytes_).value();
    return decision;
  }

 protected:
  SeededRandom random_{1};
  Answering answering_{{.domain = DomainName::parse("weave.local").value(), .ttl = 1, .negative_ttl = 7}, random_};
  NameSnapshot names_ = NameSnapshot::of({{"One.weave.local.", Ipv4Address{0x0a200001}},
                                          {"two.weave.local.", Ipv4Address{0x0a200002}},
                                          {"two.weave.local.", Ipv4Address{0x0a200003}},
                                          {"bad..name", Ipv4Address{0x0a200004}},
                                          {"far.other.domain.", Ipv4Address{0x0a200005}}});
  Bytes reply_bytes_;
  Message reply_;
};

/// The live entries of the vectors.
NameSnapshot snapshot_of(boost::json::array const& entries) {
  NameSnapshot snapshot;
  std::map<std::string, std::vector<Ipv4Address>> addresses;
  std::map<Ipv4Address, std::vector<std::string>> names;
  for (auto const& entry : entries) {
    if (entry.at("tombstone").as_int64() != 0) continue;
    std::string const name{entry.at("hostname").as_string()};
    auto const address = Ipv4Address::parse(entry.at("addr").as_string()).value();
    addresses[lower_case(name)].push_back(address);
    names[address].push_back(name);
  }
  for (auto const& [name, list] : addresses) snapshot.set_addresses(name, list);
  for (auto const& [address, list] : names) snapshot.set_names(address, list);
  return snapshot;
}

// What differs from the recorded replies on purpose: SOA in negative answers, OPT for OPT, hence the total size.
TEST_F(AnsweringTest, QueriesOfTheOriginal) {
  auto& vectors = weave::test::VectorFile::load("dns");
  auto const& group = vectors.document().at("query").as_object();
  names_ = snapshot_of(group.at("entries").as_array());
  for (auto const& item : group.at("cases").as_array()) {
    auto const& vector = item.as_object();
    auto const& expected = vector.at("expected").as_object();
    SCOPED_TRACE(std::string_view{vector.at("name").as_string()});
    auto const query = weave::test::hex_member(vector, "query_hex");
    auto const decision = ask(query, vector.at("transport").as_string() == "tcp" ? Transport::tcp : Transport::udp);
    if (decision.verdict == Verdict::forward) {
      reply_bytes_ = error_reply(parse_query(query).value(), Rcode::server_failure);
      reply_ = decode_message(reply_bytes_).value();
    }
    EXPECT_EQ(description(reply_, expected.contains("answers")), expectation(expected));
    EXPECT_EQ(reply_.questions.size(), expected.at("question").as_array().size());
    if (auto const* exact = vector.if_contains("reply_hex"); exact && reply_.authority.empty() && !reply_.edns) {
      EXPECT_EQ(to_hex(reply_bytes_), std::string_view{exact->as_string()});
    } else {
      // Names in the question and in the answers are spelt as asked.
      auto const asked = parse_query(query)->question;
      EXPECT_EQ(reply_.questions.at(0), asked);
      for (auto const& answer : reply_.answers) EXPECT_EQ(answer.owner, asked.name);
    }
    auto const size = static_cast<std::size_t>(expected.at("size").as_int64());
    EXPECT_EQ(reply_bytes_.size() - (reply_.edns ? 11 : 0) - (reply_.authority.empty() ? 0 : 80), size);
  }
  // The ledger knows the group by its members: the cases and what they are asked of.
  for (auto const* part : {"cases", "domain", "entries", "our_name", "ttl"})
    vectors.covered(fmt::format("query/{}", part));
}

TEST_F(AnsweringTest, DenialsCarryTheDomainsSoa) {
  EXPECT_EQ(ask(query_for("nope.weave.local", record_type::a)).verdict, Verdict::negative);
  ASSERT_EQ(reply_.authority.size(), 1U);
  EXPECT_EQ(reply_.authority[0].owner.to_string(), "weave.local.");
  EXPECT_EQ(reply_.authority[0].ttl, 7U);
  EXPECT_EQ(std::get<Soa>(reply_.authority[0].data).minimum, 7U);
  EXPECT_EQ(std::get<Soa>(reply_.authority[0].data).mailbox.to_string(), "hostmaster.weave.local.");
  EXPECT_FALSE(reply_.header.authoritative);

  EXPECT_EQ(ask(query_for("one.weave.local", record_type::aaaa)).verdict, Verdict::negative);
  EXPECT_EQ(reply_.header.rcode, Rcode::no_error);
  EXPECT_TRUE(reply_.header.authoritative);
  EXPECT_EQ(reply_.authority.size(), 1U);
}

TEST_F(AnsweringTest, DenialsThatWouldHideNamesCarryNone) {
  for (auto const* name : {".", "weave.local", "1.0.32.10.in-addr.arpa"}) {
    (void)ask(query_for(name, record_type::a));
    EXPECT_TRUE(reply_.authority.empty()) << name;
  }
}

TEST_F(AnsweringTest, TheDomainsOwnSoa) {
  EXPECT_EQ(ask(query_for("weave.local", record_type::soa)).verdict, Verdict::positive);
  ASSERT_EQ(reply_.answers.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Soa>(reply_.answers[0].data));
}

TEST_F(AnsweringTest, EdnsIsAnsweredWithEdns) {
  (void)ask(query_for("one.weave.local", record_type::a, 1, 4096));
  ASSERT_TRUE(reply_.edns);
  EXPECT_EQ(reply_.edns->udp_size, 1232);
  EXPECT_FALSE(reply_.edns->dnssec_ok);
  auto query = decode_message(query_for("one.weave.local", record_type::a, 1, 4096)).value();
  query.edns->dnssec_ok = true;
  (void)ask(encode_message(query));
  EXPECT_TRUE(reply_.edns->dnssec_ok);
  query.edns->version = 1;
  EXPECT_EQ(ask(encode_message(query)).verdict, Verdict::malformed);
  EXPECT_EQ(reply_.edns->extended_rcode, 1);
  EXPECT_EQ(reply_.header.rcode, Rcode::no_error);
  EXPECT_TRUE(reply_.answers.empty());
}

TEST_F(AnsweringTest, NothingForWhatIsNoQuery) {
  auto query = query_for("one.weave.local", record_type::a);
  query[2] |= 0x80;
  EXPECT_EQ(ask(query).verdict, Verdict::drop);
  EXPECT_EQ(ask({0x42, 0x42, 1, 0}).verdict, Verdict::drop);
}

TEST_F(AnsweringTest, EveryOrderComesUp) {
  std::set<std::uint32_t> first;
  for (int i = 0; i < 64; ++i) {
    (void)ask(query_for("two", record_type::a));
    ASSERT_EQ(reply_.answers.size(), 2U);
    first.insert(std::get<Ipv4Address>(reply_.answers[0].data).value());
  }
  EXPECT_EQ(first.size(), 2U);
}

TEST_F(AnsweringTest, ReverseZone) {
  EXPECT_EQ(ask(query_for("001.0.32.10.in-addr.arpa", record_type::ptr)).verdict, Verdict::positive);
  EXPECT_EQ(std::get<DomainName>(reply_.answers.at(0).data).to_string(), "One.weave.local.");
  // Entries of other domains answer too; one that is no name is passed over.
  EXPECT_EQ(ask(query_for("5.0.32.10.in-addr.arpa", record_type::ptr)).verdict, Verdict::positive);
  EXPECT_EQ(ask(query_for("4.0.32.10.in-addr.arpa", record_type::ptr)).verdict, Verdict::forward);
  EXPECT_EQ(ask(query_for("9.0.32.10.in-addr.arpa", record_type::ptr)).verdict, Verdict::forward);
  // Another type of a known address.
  (void)ask(query_for("1.0.32.10.in-addr.arpa", record_type::a));
  EXPECT_EQ(reply_.header.rcode, Rcode::no_error);
  (void)ask(query_for("256.0.32.10.in-addr.arpa", record_type::ptr));
  EXPECT_EQ(reply_.header.rcode, Rcode::name_error);
}

TEST_F(AnsweringTest, LongNamesFit) {
  auto const name = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
                    std::string(49, 'd') + ".weave.local.";
  names_ = NameSnapshot::of({{name, Ipv4Address{1}}});
  EXPECT_EQ(ask(query_for(name, record_type::a)).verdict, Verdict::positive);
  EXPECT_EQ(reply_.answers.size(), 1U);
  EXPECT_FALSE(reply_.header.truncated);
}

TEST_F(AnsweringTest, MoreAddressesThanAMessageHolds) {
  std::vector<Ipv4Address> addresses;
  for (std::uint32_t i = 0; i < 5000; ++i) addresses.emplace_back(i);
  names_.set_addresses("crowd.weave.local.", addresses);
  auto const decision = ask(query_for("crowd", record_type::a, 1, 1232), Transport::tcp);
  EXPECT_TRUE(decision.truncated);
  EXPECT_LE(decision.size, 65535U);
  EXPECT_TRUE(reply_.edns);
}

} // namespace
} // namespace weave::controller::dns
