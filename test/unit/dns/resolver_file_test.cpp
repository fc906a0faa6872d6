#include "controller/dns/resolver_file.hpp"

#include <cstdio>
#include <fstream>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

#include "controller/dns/answer_cache.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/fixtures/vectors.hpp"

namespace weave::controller::dns {
namespace {

using namespace std::chrono_literals;

TEST(ResolverFile, ReadsAsTheOriginal) {
  auto& vectors = weave::test::VectorFile::load("dns");
  for (auto const& item : vectors.document().at("resolv_conf").as_array()) {
    auto const& vector = item.as_object();
    std::string const name{vector.at("name").as_string()};
    std::vector<std::string> expected;
    for (auto const& server : vector.at("servers").as_array()) expected.emplace_back(server.as_string());
    EXPECT_EQ(parse_resolver_file(std::string_view{vector.at("content").as_string()},
                                  {std::string{vector.at("own_listen_address").as_string()}}),
              expected)
        << name;
    EXPECT_EQ(vector.at("port").as_string(), std::to_string(SocketAddress{}.port));
    vectors.covered("resolv_conf/" + name);
  }
}

class ResolverFileTest : public testing::Test {
 protected:
  ~ResolverFileTest() override { std::remove(path_.c_str()); }
  void write(std::string_view content) const {
    std::ofstream{path_ + ".new"} << content;
    std::rename((path_ + ".new").c_str(), path_.c_str());
  }
  [[nodiscard]] std::vector<std::string> hosts() {
    std::vector<std::string> result;
    for (auto const& server : file_.servers()) result.push_back(server.host);
    return result;
  }

  std::string path_ = testing::TempDir() + "/resolver-file-" + std::to_string(::getpid());
  weave::test::VirtualScheduler scheduler_;
  ResolverFile file_{scheduler_, path_, {"192.0.2.9"}};
  using Hosts = std::vector<std::string>;
};

TEST_F(ResolverFileTest, NoticesChangesWithinFiveSeconds) {
  EXPECT_EQ(hosts(), Hosts{});
  write("nameserver 192.0.2.1\n");
  EXPECT_EQ(hosts(), Hosts{});
  scheduler_.advance(5s);
  EXPECT_EQ(hosts(), Hosts{"192.0.2.1"});
  write("nameserver 192.0.2.2\nnameserver 192.0.2.9\nnameserver fe80::1%eth0");
  scheduler_.advance(5s);
  EXPECT_EQ(hosts(), (Hosts{"192.0.2.2", "fe80::1%eth0"}));
}

TEST_F(ResolverFileTest, KeepsTheLastGoodList) {
  write("nameserver 192.0.2.1\r\n");
  EXPECT_EQ(hosts(), Hosts{"192.0.2.1"});
  std::remove(path_.c_str());
  scheduler_.advance(5s);
  EXPECT_EQ(hosts(), Hosts{"192.0.2.1"});
  write("");
  scheduler_.advance(5s);
  EXPECT_EQ(hosts(), Hosts{});
}

TEST(SocketAddressText, HasBracketsForIpv6) {
  EXPECT_EQ((SocketAddress{.host = "::1", .port = 53}.to_string()), "[::1]:53");
  EXPECT_EQ((SocketAddress{.host = "192.0.2.1", .port = 5353}.to_string()), "192.0.2.1:5353");
}

TEST(AnswerCache, IsBoundedInNumberAndBytes) {
  AnswerCache cache{{.entries = 3, .bytes = 100, .longest = 10s}};
  TimePoint const start{};
  Bytes const reply(20);
  for (auto const* key : {"a", "b", "c"}) cache.insert(key, reply, 1000, start);
  EXPECT_TRUE(cache.find("a", start));
  cache.insert("d", reply, 1000, start);
  EXPECT_FALSE(cache.find("b", start));
  EXPECT_TRUE(cache.find("a", start));
  cache.insert("e", Bytes(70), 1000, start);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_LE(cache.bytes(), 100U);
  cache.insert("f", Bytes(100), 1000, start);
  EXPECT_FALSE(cache.find("f", start));
  EXPECT_TRUE(cache.find("e", start + 9s));
  EXPECT_FALSE(cache.find("e", start + 10s));
  cache.insert("a", reply, 0, start);
  EXPECT_FALSE(cache.find("a", start));
  cache.clear();
  EXPECT_EQ(cache.bytes(), 0U);
}

} // namespace
} // namespace weave::controller::dns
