#include "controller/app/attachment_keeper.hpp"

#include <optional>

#include <gtest/gtest.h>

namespace weave::controller {
namespace {

using Wish = api::AttachPort::Wish;
using Lines = std::vector<std::string>;

Ipv4Cidr cidr(char const* text) { return Ipv4Cidr::parse(text).value(); }

/// Containers by what people call them; says what was done to their interfaces.
class FakeInterfaces final : public api::AttachPort {
 public:
  void find(std::string container, api::Completion<Identity> done) override {
    if (gone) return done(failure(ErrorKind::not_found, "No such container"));
    done(Identity{.id = container == "web" ? "id-of-web" : container, .fqdn = fqdn});
  }
  void attach(std::string container, Wish wish, api::Completion<void> done) override {
    std::string line = container;
    for (auto const& each : wish.addresses) line += " " + each.to_string();
    if (!wish.multicast_route) line += " no-multicast";
    if (wish.rewrite_hosts) line += " hosts";
    for (auto const& each : wish.extra_hosts) line += " " + each;
    attached.push_back(line);
    if (hold) {
      held = std::move(done);
      return;
    }
    done(refuse ? Result<void>{failure(ErrorKind::refused, "not running")} : Result<void>{});
  }
  void detach(std::string container, std::vector<Ipv4Address>, api::Completion<void> done) override {
    detached.push_back(container);
    done({});
  }

  bool gone = false;
  bool refuse = false;
  bool hold = false;
  std::string fqdn = "web.weave.local";
  api::Completion<void> held;
  Lines attached;
  Lines detached;
};

class AttachmentKeeperTest : public testing::Test {
 protected:
  AttachmentKeeper& keeper() {
    if (!keeper_) {
      keeper_.emplace(parse_attachments(saved_).value(),
                      AttachmentKeeper::Ports{.interfaces = interfaces_,
                                              .save = [this](std::string const& text) -> Result<void> {
                                                if (disk_full_) return failure(ErrorKind::system, "no room");
                                                saved_ = text;
                                                return {};
                                              },
                                              .claim =
                                                  [this](auto const& id, Ipv4Cidr address, auto const& done) {
                                                    claimed_.push_back(id + " " + address.to_string());
                                                    if (address == taken_) {
                                                      return done(failure(ErrorKind::already_exists, "is taken"));
                                                    }
                                                    done({});
                                                  },
                                              .name =
                                                  [this](auto const& id, Ipv4Address address, auto const& fqdn) {
                                                    named_.push_back(id + " " + address.to_string() + " " + fqdn);
                                                  },
                                              .logger = Logger{}});
    }
    return *keeper_;
  }
  Result<void> attach(char const* container, Wish wish) {
    Result<void> outcome = failure(ErrorKind::timed_out, "no answer");
    keeper().attach(container, std::move(wish), [&](Result<void> result) { outcome = std::move(result); });
    return outcome;
  }
  void restart_daemon() {
    keeper_.reset();
    interfaces_.attached.clear();
  }

  FakeInterfaces interfaces_;
  std::string saved_;
  bool disk_full_ = false;
  std::optional<Ipv4Cidr> taken_;
  Lines claimed_;
  Lines named_;
  std::optional<AttachmentKeeper> keeper_;
};

TEST_F(AttachmentKeeperTest, gives_a_container_that_starts_again_what_it_had) {
  ASSERT_TRUE(attach("web", {.addresses = {cidr("10.2.1.1/24")},
                             .multicast_route = false,
                             .rewrite_hosts = true,
                             .extra_hosts = {"db:10.2.1.9"}}));
  ASSERT_TRUE(
      attach("web", {.addresses = {cidr("10.2.2.1/24")}, .rewrite_hosts = true, .extra_hosts = {"db:10.2.1.8"}}));
  interfaces_.attached.clear();
  keeper().started("id-of-web");
  EXPECT_EQ(claimed_, (Lines{"id-of-web 10.2.2.1/24", "id-of-web 10.2.1.1/24"}));
  EXPECT_EQ(interfaces_.attached, Lines{"id-of-web 10.2.2.1/24 10.2.1.1/24 hosts db:10.2.1.8"}) << "as asked for last";
  EXPECT_EQ(named_, (Lines{"id-of-web 10.2.2.1 web.weave.local", "id-of-web 10.2.1.1 web.weave.local"}));
}

TEST_F(AttachmentKeeperTest, remembers_over_a_restart_of_the_daemon) {
  ASSERT_TRUE(attach("web", {.addresses = {cidr("10.2.1.1/24")},
                             .multicast_route = false,
                             .rewrite_hosts = true,
                             .extra_hosts = {"db:10.2.1.9"},
                             .without_name = true}));
  restart_daemon();
  keeper().started("id-of-web");
  EXPECT_EQ(interfaces_.attached, Lines{"id-of-web 10.2.1.1/24 no-multicast hosts db:10.2.1.9"});
  EXPECT_TRUE(named_.empty());
}

TEST_F(AttachmentKeeperTest, leaves_alone_what_was_never_attached_or_failed) {
  interfaces_.refuse = true;
  EXPECT_FALSE(attach("web", {.addresses = {cidr("10.2.1.1/24")}}));
  interfaces_.attached.clear();
  keeper().started("id-of-web");
  keeper().started("id-of-other");
  EXPECT_TRUE(interfaces_.attached.empty());
  EXPECT_TRUE(claimed_.empty());
}

TEST_F(AttachmentKeeperTest, forgets_what_is_detached_and_who_is_gone) {
  ASSERT_TRUE(attach("web", {.addresses = {cidr("10.2.1.1/24"), cidr("10.2.2.1/24")}}));
  keeper().detach("web", {cidr("10.2.1.1/24").address}, [](auto const&) {});
  EXPECT_EQ(interfaces_.detached, Lines{"id-of-web"});
  keeper().started("id-of-web");
  EXPECT_EQ(interfaces_.attached.back(), "id-of-web 10.2.2.1/24");
  keeper().detach("web", {cidr("10.2.2.1/24").address}, [](auto const&) {});
  EXPECT_TRUE(parse_attachments(saved_)->empty());

  ASSERT_TRUE(attach("web", {.addresses = {cidr("10.2.1.1/24")}}));
  keeper().destroyed("id-of-other");
  EXPECT_EQ(parse_attachments(saved_)->size(), 1U);
  keeper().destroyed("id-of-web");
  EXPECT_TRUE(parse_attachments(saved_)->empty());

  ASSERT_TRUE(attach("web", {.addresses = {cidr("10.2.1.1/24")}}));
  keeper().forget_if([](std::string const& id) { return id == "id-of-web"; });
  EXPECT_TRUE(parse_attachments(saved_)->empty());
}

TEST_F(AttachmentKeeperTest, leaves_out_an_address_that_somebody_else_has_now) {
  ASSERT_TRUE(attach("web", {.addresses = {cidr("10.2.1.1/24"), cidr("10.2.2.1/24")}}));
  interfaces_.attached.clear();
  taken_ = cidr("10.2.1.1/24");
  keeper().started("id-of-web");
  EXPECT_EQ(interfaces_.attached, Lines{"id-of-web 10.2.2.1/24"});
  taken_ = std::nullopt;
  keeper().started("id-of-web");
  EXPECT_EQ(interfaces_.attached.back(), "id-of-web 10.2.1.1/24 10.2.2.1/24") << "free again";
}

TEST_F(AttachmentKeeperTest, works_once_for_a_start_that_is_told_twice) {
  ASSERT_TRUE(attach("web", {.addresses = {cidr("10.2.1.1/24")}}));
  interfaces_.attached.clear();
  interfaces_.hold = true;
  keeper().started("id-of-web");
  keeper().started("id-of-web");
  EXPECT_EQ(interfaces_.attached.size(), 1U);
  interfaces_.held(failure(ErrorKind::refused, "not running"));
  EXPECT_TRUE(named_.empty());
  keeper().started("id-of-web");
  EXPECT_EQ(interfaces_.attached.size(), 2U);
}

TEST_F(AttachmentKeeperTest, attaches_also_what_it_cannot_remember) {
  disk_full_ = true;
  EXPECT_TRUE(attach("web", {.addresses = {cidr("10.2.1.1/24")}}));
  EXPECT_EQ(saved_, "");
}

TEST_F(AttachmentKeeperTest, keeps_what_somebody_else_has_attached) {
  std::vector<ipam::ReclaimedAddress> const found{
      {.id = "id-of-web", .cidr = cidr("10.32.0.3/12"), .is_container = true},
      {.id = "id-of-web", .cidr = cidr("10.33.5.1/24"), .is_container = true},
      {.id = "weave:expose", .cidr = cidr("10.32.0.2/12"), .is_container = false}};
  keeper().adopt(found);
  EXPECT_EQ(named_, (Lines{"id-of-web 10.32.0.3 web.weave.local", "id-of-web 10.33.5.1 web.weave.local"}));
  EXPECT_TRUE(interfaces_.attached.empty());
  keeper_.reset();
  keeper().adopt(found); // is known now
  EXPECT_EQ(named_.size(), 2U);
  keeper().started("id-of-web");
  EXPECT_EQ(interfaces_.attached, (Lines{"id-of-web 10.32.0.3/12 10.33.5.1/24"}));
}

TEST(Attachments, of_another_shape_are_refused) {
  EXPECT_TRUE(parse_attachments("")->empty());
  for (auto const* const text : {"{", "{}", "[1]", "[{}]", R"([{"container":"a","addresses":["x"]}])",
                                 R"([{"container":"a","addresses":1}])", R"([{"container":"a","hosts":[1]}])"}) {
    EXPECT_FALSE(parse_attachments(text)) << text;
  }
}

} // namespace
} // namespace weave::controller
