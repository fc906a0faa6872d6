#include "controller/dns/forwarder.hpp"

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

#include "controller/dns/relayed_reply.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/fixtures/vectors.hpp"
#include "test/unit/dns/dns_text.hpp"

namespace weave::controller::dns {
namespace {

using namespace weave::controller::dns::test;
using namespace std::chrono_literals;

/// Servers that do as the test says; what they were sent is on record.
class FakeUpstream final : public Upstream {
 public:
  struct Sent {
    SocketAddress server;
    Transport transport;
    Bytes query;
    std::shared_ptr<Handlers> handlers; ///< empty functions once given up

    [[nodiscard]] bool live() const { return handlers->on_message != nullptr; }
    [[nodiscard]] Bytes reply(Message message) const {
      message.header.id = static_cast<std::uint16_t>(query[0] << 8U | query[1]);
      return encode_message(message, true);
    }
    void answer(Bytes const& bytes) const {
      if (live()) Handlers{*handlers}.on_message(bytes);
    }
    void answer(Message const& message) const { answer(reply(message)); }
    void refuse() const {
      if (live()) Handlers{*handlers}.on_failed({ErrorKind::unavailable, "refused"});
    }
  };

  std::unique_ptr<Exchange> send(SocketAddress const& server, Transport transport, Bytes query,
                                 Handlers handlers) override {
    struct Given final : Exchange {
      explicit Given(std::shared_ptr<Handlers> to) : handlers{std::move(to)} {}
      Given(Given const&) = delete;
      Given& operator=(Given const&) = delete;
      ~Given() override { *handlers = {}; }
      std::shared_ptr<Handlers> handlers;
    };
    auto shared = std::make_shared<Handlers>(std::move(handlers));
    sent.push_back({server, transport, std::move(query), shared});
    return std::make_unique<Given>(shared);
  }

  std::vector<Sent> sent;
};

Message answer_to(Bytes const& query, std::uint32_t ttl = 300, std::uint32_t address = 0xc0000200) {
  auto message = decode_message(query).value();
  message.header.response = true;
  message.header.recursion_available = true;
  message.answers.push_back({.owner = message.questions.at(0).name, .ttl = ttl, .data = Ipv4Address{address}});
  return message;
}

class ForwarderTest : public testing::Test {
 protected:
  void use(std::vector<std::string> const& hosts) {
    servers_.clear();
    for (auto const& host : hosts) servers_.push_back({.host = host});
  }
  void ask(Bytes const& query, Transport transport = Transport::udp, std::uint8_t client = 1) {
    forwarder_.forward(query, transport, {client}, [this](Bytes reply) { replies_.push_back(std::move(reply)); });
  }
  [[nodiscard]] Message reply(std::size_t index) const { return decode_message(replies_.at(index)).value(); }
  [[nodiscard]] std::vector<FakeUpstream::Sent>& sent() { return upstream_.sent; }

  weave::test::VirtualScheduler scheduler_;
  SeededRandom random_{1};
  FakeUpstream upstream_;
  std::vector<SocketAddress> servers_{{.host = "192.0.2.1"}, {.host = "192.0.2.2"}};
  Forwarder forwarder_{scheduler_, random_, upstream_, [this]() -> auto const& {return servers_;
}, {
  .max_pending = 8, .max_pending_per_client = 5
}
}; // namespace
std::vector<Bytes> replies_;
Bytes const query_ = query_for("www.example.com", record_type::a);
}; // namespace weave::controller::dns

/// What the servers of one vector do, told by its name; the replies are those that the original handed on.
class Scene {
 public:
  Scene(std::string name, Message reply, std::vector<std::string> servers)
      : name_{std::move(name)}, reply_{std::move(reply)}, servers_{std::move(servers)} {}

  void act(FakeUpstream::Sent const& sent) const {
    auto const first = sent.server.host == servers_.front();
    if (name_ == "all_fail" || (first && (name_ == "first_refuses_connection" || name_ == "ipv6_server_unusable"))) {
      return sent.refuse();
    }
    if (first && name_ == "first_times_out") return;
    auto bytes = sent.reply(reply_);
    if (first && name_ == "wrong_id") bytes[0] ^= 1U;
    if (first && name_ == "garbage_reply") bytes.resize(kHeaderSize + 3);
    // The original does not ask over TCP; servers that cannot be asked so make it the same.
    if (name_ == "truncated" && sent.transport == Transport::tcp) return sent.refuse();
    sent.answer(bytes);
  }

 private:
  std::string name_;
  Message reply_;
  std::vector<std::string> servers_;
};

TEST_F(ForwarderTest, RelaysAsTheOriginal) {
  auto& vectors = weave::test::VectorFile::load("dns");
  for (auto const& item : vectors.document().at("upstream").as_array()) {
    auto const& vector = item.as_object();
    std::string const name{vector.at("name").as_string()};
    SCOPED_TRACE(name);
    auto const& expected = vector.at("expected").as_object();
    std::vector<std::string> hosts;
    for (auto const& server : vector.at("servers").as_array()) hosts.emplace_back(server.as_string());
    use(hosts);
    sent().clear();
    replies_.clear();
    Forwarder fresh{scheduler_, random_, upstream_, [this]() -> auto const& {return servers_;
  }
};
auto const transport = vector.at("transport").as_string() == "tcp" ? Transport::tcp : Transport::udp;
fresh.forward(weave::test::hex_member(vector, "query_hex"), transport, {},
              [this](Bytes reply) { replies_.push_back(std::move(reply)); });
Scene const scene{name, decode_message(weave::test::hex_member(vector, "reply_hex")).value(), hosts};
for (std::size_t acted = 0; replies_.empty() && scheduler_.pending() > 0;) {
  while (acted < sent().size() && replies_.empty()) {
    auto const next = sent()[acted++];
    scene.act(next);
  }
  if (replies_.empty()) scheduler_.step();
}
ASSERT_EQ(replies_.size(), 1U);
if (name == "oversize_not_truncated") {
  // On purpose not as the original: what is larger than the client takes is cut, and says so.
  EXPECT_TRUE(reply(0).header.truncated);
  EXPECT_LE(replies_[0].size(), 512U);
  EXPECT_LT(reply(0).answers.size(), 60U);
  EXPECT_GT(reply(0).answers.size(), 25U);
} else {
  EXPECT_EQ(description(reply(0), true), expectation(expected));
  EXPECT_EQ(reply(0).authority.size(), static_cast<std::size_t>(expected.at("authority_count").as_int64()));
  EXPECT_EQ(reply(0).edns ? 1 : 0, expected.at("additional_count").as_int64());
}
// A server that the original never reaches has been tried, or asked again over TCP.
std::vector<std::string> asked;
for (auto const& each : sent()) {
  auto query = each.query;
  query[0] = query[1] = 0;
  auto const unreachable = name == "all_fail" || each.server.host == "::1" ||
                           (name == "first_refuses_connection" && each.server.host == hosts[0]);
  if (unreachable || each.transport != transport) continue;
  asked.push_back(each.server.host + " " + to_hex(query));
}
std::vector<std::string> wanted;
for (auto const& each : vector.at("upstream_queries").as_array()) {
  wanted.push_back(std::string{each.at("server").as_string()} + " " +
                   std::string{each.at("query_hex_id_zeroed").as_string()});
}
EXPECT_EQ(asked, wanted);
vectors.covered("upstream/" + name);
}
}

TEST_F(ForwarderTest, TheSecondServerWaitsForAHeadStart) {
  ask(query_);
  ASSERT_EQ(sent().size(), 1U);
  scheduler_.advance(299ms);
  EXPECT_EQ(sent().size(), 1U);
  scheduler_.advance(1ms);
  ASSERT_EQ(sent().size(), 2U);
  EXPECT_EQ(sent()[1].server.host, "192.0.2.2");
  // The first may still win.
  sent()[0].answer(answer_to(query_));
  ASSERT_EQ(replies_.size(), 1U);
  EXPECT_FALSE(sent()[1].live());
  EXPECT_EQ(forwarder_.statistics().pending, 0U);
  EXPECT_EQ(scheduler_.pending(), 0U);
}

TEST_F(ForwarderTest, ADeadServerCostsItsHeadStartOnce) {
  ask(query_);
  scheduler_.advance(300ms);
  sent().at(1).answer(answer_to(query_));
  EXPECT_EQ(replies_.size(), 1U);
  auto const other = query_for("other.example.com", record_type::a);
  ask(other);
  ASSERT_EQ(sent().size(), 4U);
  // It answers again, and is believed alone again.
  sent()[2].answer(answer_to(other));
  ask(query_for("third.example.com", record_type::a));
  EXPECT_EQ(sent().size(), 5U);
}

TEST_F(ForwarderTest, ResendsOnceAndGivesUpAfterTheTimeout) {
  use({"192.0.2.1"});
  ask(query_);
  scheduler_.advance(1s);
  ASSERT_EQ(sent().size(), 2U);
  EXPECT_TRUE(sent()[0].live());
  scheduler_.advance(3999ms);
  EXPECT_TRUE(replies_.empty());
  scheduler_.advance(1ms);
  ASSERT_EQ(replies_.size(), 1U);
  EXPECT_EQ(reply(0).header.rcode, Rcode::server_failure);
  EXPECT_TRUE(reply(0).header.recursion_available);
  EXPECT_EQ(sent().size(), 2U);
  EXPECT_EQ(forwarder_.statistics().failures, 1U);
  EXPECT_EQ(scheduler_.pending(), 0U);
}

TEST_F(ForwarderTest, AsksAgainOverTcpWhenTruncated) {
  ask(query_);
  auto cut = answer_to(query_);
  cut.header.truncated = true;
  sent()[0].answer(cut);
  ASSERT_EQ(sent().size(), 2U);
  EXPECT_EQ(sent()[1].transport, Transport::tcp);
  EXPECT_EQ(sent()[1].server.host, "192.0.2.1");
  auto large = answer_to(query_);
  for (std::uint32_t i = 1; i < 100; ++i) large.answers.push_back(answer_to(query_, 300, i).answers[0]);
  sent()[1].answer(large);
  ASSERT_EQ(replies_.size(), 1U);
  EXPECT_TRUE(reply(0).header.truncated);
  EXPECT_LE(replies_[0].size(), 512U);
  // Who comes over TCP, or takes more, gets all of it from the cache.
  ask(query_, Transport::tcp);
  EXPECT_EQ(reply(1).answers.size(), 100U);
  EXPECT_EQ(sent().size(), 2U);
}

TEST_F(ForwarderTest, BelievesOnlyWhatItAskedFor) {
  ask(query_);
  auto const true_reply = answer_to(query_);
  auto other = true_reply;
  other.questions[0].name = DomainName::parse("evil.example.com").value();
  auto const id = sent()[0].reply(true_reply);
  auto wrong_id = id;
  wrong_id[1] ^= 1U;
  sent()[0].answer(wrong_id);
  sent()[0].answer(Bytes{1});
  sent()[0].answer(Bytes{});
  auto no_response = id;
  no_response[2] &= 0x7f;
  no_response[1] ^= 1U;
  sent()[0].answer(no_response);
  EXPECT_EQ(sent().size(), 1U);
  EXPECT_TRUE(replies_.empty());
  // The right id and another question: that server is of no use.
  sent()[0].answer(other);
  EXPECT_EQ(sent().size(), 2U);
  EXPECT_FALSE(sent()[0].live());
  sent()[1].answer(true_reply);
  EXPECT_EQ(replies_.size(), 1U);
}

TEST_F(ForwarderTest, RefusalIsForWhenNothingBetterComes) {
  auto refused = decode_message(query_).value();
  refused.header.response = true;
  refused.header.rcode = Rcode::refused;
  ask(query_);
  sent()[0].answer(refused);
  ASSERT_EQ(sent().size(), 2U);
  sent()[1].refuse();
  ASSERT_EQ(replies_.size(), 1U);
  EXPECT_EQ(reply(0).header.rcode, Rcode::refused);
}

TEST_F(ForwarderTest, CachesAsLongAsTheRecordsLast) {
  ask(query_);
  sent()[0].answer(answer_to(query_, 10));
  scheduler_.advance(4s);
  auto const shouting = query_for("WWW.example.COM", record_type::a, 7);
  ask(shouting);
  ASSERT_EQ(replies_.size(), 2U);
  EXPECT_EQ(reply(1).answers.at(0).ttl, 6U);
  EXPECT_EQ(reply(1).header.id, 7);
  EXPECT_EQ(reply(1).questions.at(0).name.to_string(), "WWW.example.COM.");
  scheduler_.advance(6s);
  ask(query_);
  EXPECT_EQ(sent().size(), 2U);
  EXPECT_EQ(forwarder_.statistics().cache_hits, 1U);
}

TEST_F(ForwarderTest, DifferentFlagsAreDifferentQuestions) {
  ask(query_);
  sent()[0].answer(answer_to(query_));
  ask(query_for("www.example.com", record_type::a, 1, 1232));
  EXPECT_EQ(sent().size(), 2U);
  auto checking_disabled = query_;
  checking_disabled[3] |= 0x10;
  ask(checking_disabled);
  EXPECT_EQ(sent().size(), 3U);
  // EDNS options may change the answer.
  auto with_options = decode_message(query_for("www.example.com", record_type::a, 1, 1232)).value();
  with_options.edns->options = {0, 10, 0, 0};
  ask(encode_message(with_options), Transport::udp, 2);
  ask(encode_message(with_options), Transport::udp, 2);
  EXPECT_EQ(sent().size(), 5U);
}

TEST_F(ForwarderTest, CachesDenialsThatSayHowLong) {
  auto denial = decode_message(query_).value();
  denial.header.response = true;
  denial.header.rcode = Rcode::name_error;
  ask(query_);
  sent()[0].answer(denial);
  ask(query_);
  ASSERT_EQ(sent().size(), 2U);
  Soa soa;
  soa.minimum = 5;
  denial.authority.push_back({.owner = DomainName{}, .type = record_type::soa, .ttl = 60, .data = soa});
  sent()[1].answer(denial);
  scheduler_.advance(4s);
  ask(query_);
  EXPECT_EQ(sent().size(), 2U);
  EXPECT_EQ(reply(2).header.rcode, Rcode::name_error);
  scheduler_.advance(1s);
  ask(query_);
  EXPECT_EQ(sent().size(), 3U);
}

TEST_F(ForwarderTest, EqualQuestionsAreAskedOnce) {
  ask(query_);
  ask(query_for("www.example.com", record_type::a, 9), Transport::tcp, 2);
  EXPECT_EQ(sent().size(), 1U);
  EXPECT_EQ(forwarder_.statistics().pending, 2U);
  sent()[0].answer(answer_to(query_));
  ASSERT_EQ(replies_.size(), 2U);
  EXPECT_EQ(reply(1).header.id, 9);
}

TEST_F(ForwarderTest, OtherServersMayHaveOtherAnswers) {
  ask(query_);
  sent()[0].answer(answer_to(query_));
  use({"192.0.2.9"});
  ask(query_);
  ASSERT_EQ(sent().size(), 2U);
  EXPECT_EQ(sent()[1].server.host, "192.0.2.9");
}

TEST_F(ForwarderTest, ClientsAreBounded) {
  for (int i = 0; i < 7; ++i) ask(query_for(fmt::format("{}.example.com", i), record_type::a));
  EXPECT_EQ(replies_.size(), 2U);
  EXPECT_EQ(reply(0).header.rcode, Rcode::server_failure);
  for (int i = 10; i < 15; ++i) ask(query_for(fmt::format("{}.example.com", i), record_type::a), Transport::udp, 2);
  EXPECT_EQ(replies_.size(), 4U);
  EXPECT_EQ(forwarder_.statistics().pending, 8U);
  EXPECT_EQ(forwarder_.statistics().refused, 4U);
  for (auto const& each : std::vector{sent()}) each.refuse();
  for (auto const& each : std::vector{sent()}) each.refuse();
  EXPECT_EQ(forwarder_.statistics().pending, 0U);
}

TEST_F(ForwarderTest, NoServers) {
  use({});
  ask(query_for("www.example.com", record_type::a, 3, 1232));
  ASSERT_EQ(replies_.size(), 1U);
  EXPECT_EQ(reply(0).header.rcode, Rcode::server_failure);
  EXPECT_TRUE(reply(0).edns);
  ask(Bytes{1, 2, 3});
  EXPECT_EQ(replies_.size(), 1U);
}

TEST(RelayedReply, DropsAdditionalRecordsBeforeAnswers) {
  auto message = answer_to(query_for("www.example.com", record_type::a, 1, 1232));
  for (int i = 0; i < 30; ++i) message.additional.push_back(message.answers[0]);
  auto const cut = decode_message(fit_reply(encode_message(message), 512)).value();
  EXPECT_FALSE(cut.header.truncated);
  EXPECT_EQ(cut.answers.size(), 1U);
  EXPECT_TRUE(cut.additional.empty());
  EXPECT_TRUE(cut.edns);
}

TEST(RelayedReply, SurvivesEveryChange) {
  auto const query_bytes = query_for("www.example.com", record_type::a, 1, 1232);
  auto const query = parse_query(query_bytes).value();
  auto message = answer_to(query_bytes);
  Soa soa;
  message.authority.push_back({.owner = DomainName{}, .type = record_type::soa, .ttl = 60, .data = soa});
  for (int i = 0; i < 10; ++i) message.answers.push_back(message.answers[0]);
  auto const whole = encode_message(message, true);
  SeededRandom random{2};
  for (int round = 0; round < 50'000; ++round) {
    auto bytes = whole;
    bytes.resize(random.below(4) == 0 ? random.below(bytes.size() + 1) : bytes.size());
    for (auto n = random.below(4); n < 3 && !bytes.empty(); ++n) {
      bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.u64());
    }
    (void)examine_reply(bytes, query, 1);
    age_reply(bytes, 5);
    address_reply(bytes, query);
    auto const limit = random.below(300);
    auto const fitted = fit_reply(bytes, limit);
    EXPECT_LE(fitted.size(), std::max<std::size_t>(bytes.size(), kHeaderSize + 11));
  }
}

} // namespace
} // namespace weave::controller::dns
