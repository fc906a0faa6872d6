#include <array>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "gossip/connection.hpp"
#include "gossip/password_keys.hpp"
#include "gossip/refusals.hpp"
#include "test/fakes/mesh_simulation.hpp"
#include "test/fakes/scripted_stream.hpp"

namespace weave::gossip {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using test::MeshSimulation;

MeshSettings with_password(std::string_view password) {
  MeshSettings settings;
  if (!password.empty()) settings.make_keys = keys_of_password(Secret::of(password)).value();
  return settings;
}

/// Two peers of which the second dials the first.
class TwoPeers : public testing::Test {
 protected:
  void connect(MeshSettings first, MeshSettings second) {
    mesh.add(1, std::move(first));
    mesh.add(2, std::move(second));
    mesh.connect(2, 1);
    mesh.advance(seconds{1});
  }
  /// What `status connections` says of the only line at this peer.
  std::string reason(std::uint32_t peer) {
    auto const lines = mesh.at(peer).status().connections;
    EXPECT_EQ(lines.size(), 1U);
    return lines.empty() ? "" : lines.front().last_error;
  }
  void expect_reasons(std::string const& first, std::string const& second) {
    EXPECT_EQ(mesh.established(1), 0U);
    EXPECT_TRUE(reason(1).starts_with(first)) << reason(1);
    EXPECT_TRUE(reason(2).starts_with(second)) << reason(2);
  }
  MeshSimulation mesh{60};
};

TEST_F(TwoPeers, AnotherPasswordIsNamedAtBothEnds) {
  connect(with_password("one"), with_password("two"));
  std::string const text = "Unable to decrypt TCP msg (the passwords differ)";
  expect_reasons(text, text);
  EXPECT_FALSE(mesh.at(1).status().connections.front().outbound);
}

TEST_F(TwoPeers, APasswordAtOneEndIsNamedAtBoth) {
  connect(with_password("one"), {});
  expect_reasons("password specified, but peer requested an unencrypted connection (the peer has no password)",
                 "no password specificed, but peer requested an encrypted connection (this host has no password)");
}

TEST_F(TwoPeers, APeerThatComesInAfterAllIsNoLongerNamed) {
  connect(with_password("one"), with_password("two"));
  ASSERT_EQ(mesh.at(1).status().connections.size(), 1U);
  mesh.remove(2);
  mesh.add(2, with_password("one"));
  mesh.connect(2, 1);
  mesh.advance(seconds{2});
  ASSERT_EQ(mesh.at(1).status().connections.size(), 1U);
  EXPECT_EQ(mesh.at(1).status().connections.front().state, ConnectionState::established);
}

TEST_F(TwoPeers, WhereEncryptionIsRequiredTrustIsNotEnough) {
  auto first = with_password("one");
  auto second = with_password("one");
  for (auto* const settings : {&first, &second}) settings->trusted_subnets = {Ipv4Cidr::parse("10.0.0.0/16").value()};
  first.require_encryption = true;
  connect(std::move(first), std::move(second));
  expect_reasons("encryption is required at 7a:00:00:00:00:01(",
                 "peer ended the connection: encryption is required at 7a:00:00:00:00:01(");
  mesh.advance(seconds{1});
  EXPECT_FALSE(mesh.at(1).knows(mesh.name(2))) << "who was refused is no peer";
}

TEST_F(TwoPeers, WhereEncryptionIsRequiredAnUntrustedConnectionIsFine) {
  auto first = with_password("one");
  first.require_encryption = true;
  first.trusted_subnets = {Ipv4Cidr::parse("10.0.0.0/16").value()};
  connect(std::move(first), with_password("one"));
  EXPECT_EQ(mesh.established(1), 1U);
  EXPECT_FALSE(mesh.at(1).status().connections.front().is_trusted);
}

/// Two ends of one connection and somebody between them who may change what passes.
class Tapped {
 public:
  using Change = std::function<void(Bytes&)>;

  explicit Tapped(std::uint8_t best_of_second = 2) {
    for (std::size_t i : {0U, 1U}) {
      ends_[i].connection = std::make_unique<Connection>(
          ends_[i].stream.stream(), scheduler_, Logger{},
          Connection::Settings{
              .outbound = i == 0,
              .versions = {1, i == 0 ? std::uint8_t{2} : best_of_second},
              .features = make_features({.name = PeerName{i + 1}, .nickname = "x", .short_id = std::nullopt}),
              .keys = keys_of_password(Secret::of("shared")).value()()},
          Connection::Handlers{.on_introduced = [this, i](Features const&) { ends_[i].connection->start_receiving(); },
                               .on_message = {},
                               .on_ready = {},
                               .on_closed = [this, i](Error const& cause) { ends_[i].cause = cause.text(); }});
      ends_[i].connection->start();
    }
  }
  void pass(Change const& change) {
    for (int turn = 0; turn < 10; ++turn) {
      for (std::size_t i : {0U, 1U}) {
        auto bytes = ends_[i].stream.take_written();
        if (turn == 0) change(bytes);
        if (!bytes.empty()) ends_[1 - i].stream.sends(bytes);
        ends_[i].stream.drains();
        scheduler_.settle();
      }
    }
  }
  [[nodiscard]] std::string const& cause(std::size_t end) const { return ends_[end].cause; }
  [[nodiscard]] std::uint8_t version(std::size_t end) const { return ends_[end].connection->version(); }

 private:
  struct End {
    test::ScriptedRemote stream;
    std::unique_ptr<Connection> connection;
    std::string cause;
  };
  test::VirtualScheduler scheduler_;
  std::array<End, 2> ends_;
};

void lower_the_version(Bytes& header) {
  ASSERT_GE(header.size(), kProtocolHeaderSize);
  header[kProtocolHeaderSize - 1] = 1;
}

TEST(LoweredVersion, IsNoticedByTheFirstSealedMessage) {
  Tapped tapped;
  tapped.pass(lower_the_version);
  EXPECT_TRUE(tapped.cause(0).starts_with("somebody on the way changed the protocol version: both ends speak 2, 1 was"))
      << tapped.cause(0);
  EXPECT_FALSE(tapped.cause(1).empty());
}

TEST(LoweredVersion, IsNotSuspectedWhereNothingWasLowered) {
  Tapped same;
  same.pass([](Bytes&) {});
  EXPECT_EQ(same.cause(0), "");
  EXPECT_EQ(same.version(0), 2);
  Tapped older{1};
  older.pass([](Bytes&) {});
  for (std::size_t end : {0U, 1U}) {
    EXPECT_EQ(older.cause(end), "");
    EXPECT_EQ(older.version(end), 1);
  }
}

TEST(Refusals, OneEntryAHostBoundedInNumberAndTime) {
  Refusals refusals;
  Error const why{ErrorKind::refused, "no"};
  TimePoint now{};
  for (int host = 0; host < 100; ++host) {
    for (int port = 1; port < 4; ++port)
      refusals.note("10.0.0." + std::to_string(host) + ":" + std::to_string(port), why, now);
  }
  auto const lines = refusals.status(now);
  ASSERT_EQ(lines.size(), Refusals::kMax);
  EXPECT_EQ(lines.back().address, "10.0.0.99:3");
  EXPECT_EQ(lines.back().last_error, "no");
  refusals.forget("10.0.0.99:77");
  EXPECT_EQ(refusals.status(now).back().address, "10.0.0.98:3");
  EXPECT_TRUE(refusals.status(now + Refusals::kKept).empty());
}

} // namespace
} // namespace weave::gossip
