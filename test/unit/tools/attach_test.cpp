// attach, detach, expose and hide against the real control API with fakes behind it; ps needs no daemon.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/http/server.hpp"
#include "controller/api/control_routes.hpp"
#include "test/fixtures/temporary_directory.hpp"
#include "test/unit/api/fake_ports.hpp"
#include "test/unit/tools/printed.hpp"
#include "tools/command.hpp"
#include "tools/container_words.hpp"
#include "tools/expose_words.hpp"

namespace weave::tools {
namespace {

using namespace controller::api;
using Log = std::vector<std::string>;
using Words = std::vector<std::string>;
using Kind = AddressWord::Kind;

std::string const kId(64, 'c');

/// Writes down what is asked of the host.
class FakeHost final : public AttachPort, public ExposePort {
 public:
  explicit FakeHost(Log& log) : log_{log} {}

  Result<Identity> found = Identity{.id = kId, .fqdn = "web.weave.local"};
  Result<void> outcome;

  void find(std::string, Completion<Identity> done) override { done(found); }
  void attach(std::string container, Wish wish, Completion<void> done) override {
    std::string text = "plug " + container.substr(0, 3);
    for (auto const& cidr : wish.addresses) text += " " + cidr.to_string();
    if (!wish.multicast_route) text += " no-multicast";
    if (wish.rewrite_hosts) text += fmt::format(" hosts({})", fmt::join(wish.extra_hosts, ","));
    log_.push_back(text);
    done(outcome);
  }
  void detach(std::string container, std::vector<Ipv4Address> addresses, Completion<void> done) override {
    std::string text = "unplug " + container.substr(0, 3);
    for (auto const address : addresses) text += " " + address.to_string();
    log_.push_back(text);
    done(outcome);
  }
  void expose(Ipv4Cidr address, bool masquerade, Completion<void> done) override {
    log_.push_back("expose " + address.to_string() + (masquerade ? "" : " plain"));
    done(outcome);
  }
  void hide(Ipv4Address address, Completion<void> done) override {
    log_.push_back("hide " + address.to_string());
    done(outcome);
  }

 private:
  Log& log_;
};

/// Gives `10.32.0.1/12` or the first of the subnet, at once.
class GivingAddresses final : public AddressPort {
 public:
  explicit GivingAddresses(Log& log) : log_{log} {}

  Result<void> claim_result;
  std::vector<Ipv4Cidr> held;

  Cancel allocate(std::string id, std::optional<Ipv4Cidr> subnet, bool alive, Limit,
                  Completion<Ipv4Cidr> done) override {
    log_.push_back("allocate " + id.substr(0, 12) + (alive ? " alive" : ""));
    auto const within = subnet.value_or(default_subnet());
    done(Ipv4Cidr{within.address + 1, within.prefix});
    return {};
  }
  Cancel claim(std::string id, Ipv4Cidr address, bool alive, bool, Limit, Completion<void> done) override {
    log_.push_back("claim " + id.substr(0, 12) + " " + address.to_string() + (alive ? " alive" : ""));
    done(claim_result);
    return {};
  }
  std::vector<Ipv4Cidr> lookup(std::string const&, std::optional<Ipv4Cidr>) const override { return held; }
  std::vector<OwnedAddresses> owned() const override { return {}; }
  Result<void> release(std::string const& id, Ipv4Address address) override {
    log_.push_back("release " + id.substr(0, 12) + " " + address.to_string());
    return failure(ErrorKind::not_found, "Free: address not found");
  }
  Result<void> release_all(std::string const&) override { return {}; }
  Ipv4Cidr default_subnet() const override { return Ipv4Cidr::parse("10.32.0.0/12").value(); }
  std::string tracker() const override { return {}; }
  Cancel prime(Limit, Completion<void>) override { return {}; }
  void hand_over() override {}
  Result<std::uint32_t> take_over(std::string const&) override { return 0U; }

 private:
  Log& log_;
};

class NotingNames final : public NamePort {
 public:
  explicit NotingNames(Log& log) : log_{log} {}

  void add(std::string id, Ipv4Address address, std::string fqdn, bool alive, Completion<void> done) override {
    log_.push_back(fmt::format("name {} {} {}{}", id.substr(0, 12), address.to_string(), fqdn, alive ? " alive" : ""));
    done({});
  }
  Result<void> remove(Filter filter) override {
    log_.push_back(fmt::format("unname {} {} {}", filter.container_id.value_or("*").substr(0, 12),
                               filter.address ? filter.address->to_string() : "*", filter.fqdn.value_or("*")));
    return {};
  }
  std::vector<DnsEntryStatus> entries() const override { return {}; }
  std::string domain() const override { return "weave.local."; }
  std::string listen_address() const override { return "192.0.2.1:53"; }

 private:
  Log& log_;
};

class AttachCommands : public ::testing::Test {
 protected:
  ~AttachCommands() override {
    context.stop();
    if (thread.joinable()) thread.join();
  }
  void serve(bool with_addresses = true, bool with_names = true, bool with_docker = true) {
    server = std::make_unique<http::Server>(context, control_routes({.daemon = &daemon,
                                                                     .addresses = with_addresses ? &addresses : nullptr,
                                                                     .names = with_names ? &names : nullptr,
                                                                     .attach = with_docker ? &host : nullptr,
                                                                     .expose = &host}));
    ASSERT_TRUE(server->bind_unix(directory + "/control.sock"));
    thread = std::thread{[this] { context.run(); }};
  }
  Printed weave(Words words) const { return run_weave(std::move(words), {{"WEAVE_RUN_DIR", directory}}); }

  test::TemporaryDirectory own;
  std::string directory = own.path();
  Log log;
  FakeDaemon daemon;
  FakeHost host{log};
  GivingAddresses addresses{log};
  NotingNames names{log};
  boost::asio::io_context context;
  std::unique_ptr<http::Server> server;
  std::thread thread;
};

TEST(AddressWords, are_taken_off_the_front) {
  Words words{"10.2.1.1/24", "ip:10.2.1.2/24", "net:10.2.2.0/24", "net:default", "c1", "10.2.1.3/24"};
  EXPECT_EQ(take_address_words(words).value(), (std::vector<AddressWord>{{Kind::exact, "10.2.1.1/24"},
                                                                         {Kind::exact, "10.2.1.2/24"},
                                                                         {Kind::subnet, "10.2.2.0/24"},
                                                                         {Kind::default_subnet, ""}}));
  EXPECT_EQ(words, (Words{"c1", "10.2.1.3/24"}));
  EXPECT_EQ(take_address_words(words).value(), (std::vector<AddressWord>{{}})) << "none is net:default";
  for (auto const* const bad : {"net:", "net:10.2.1.0", "ip:10.2.1.1", "net:all", "ip:net:10.2.1.0/24"}) {
    Words wrong{bad};
    EXPECT_FALSE(take_address_words(wrong)) << bad;
  }
}

TEST(AttachWords, options_stand_anywhere) {
  auto const parsed = parse_attach_words(
      {"--rewrite-hosts", "10.2.1.1/24", "--add-host=a:1.2.3.4", "c1", "--add-host", "b:1.2.3.5", "--without-dns"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, (AttachWords{.addresses = {{Kind::exact, "10.2.1.1/24"}},
                                  .container = "c1",
                                  .without_dns = true,
                                  .rewrite_hosts = true,
                                  .extra_hosts = {"a:1.2.3.4", "b:1.2.3.5"}}));
  for (Words const& wrong : std::vector<Words>{
           {}, {"10.2.1.1/24"}, {"c1", "c2"}, {"--bogus", "c1"}, {"c1", "--add-host"}, {"c1", "10.2.1.1/24"}}) {
    EXPECT_FALSE(parse_attach_words(wrong)) << fmt::format("{}", fmt::join(wrong, " "));
  }
}

TEST(ExposeWords, take_one_name) {
  EXPECT_EQ(parse_expose_words({"net:default", "-h", "gate.weave.local", "--without-masquerade"}).value(),
            (ExposeWords{.addresses = {{}}, .fqdn = "gate.weave.local", .without_masquerade = true}));
  for (Words const& wrong : std::vector<Words>{{"-h", "a", "-h", "b"}, {"-h"}, {"c1"}, {"net:default", "x"}}) {
    EXPECT_FALSE(parse_expose_words(wrong)) << fmt::format("{}", fmt::join(wrong, " "));
  }
}

TEST_F(AttachCommands, AttachAllocatesPlugsAndNames) {
  serve();
  EXPECT_EQ(weave({"attach", "10.77.1.1/24", "net:10.40.0.0/16", "net:default", "c1", "--no-multicast-route"}),
            (Printed{0, "10.77.1.1 10.40.0.1 10.32.0.1\n", ""}));
  EXPECT_EQ(log, (Log{"claim cccccccccccc 10.77.1.1/24 alive", "allocate cccccccccccc alive",
                      "allocate cccccccccccc alive", "plug ccc 10.77.1.1/24 10.40.0.1/16 10.32.0.1/12 no-multicast",
                      "name cccccccccccc 10.77.1.1 web.weave.local alive",
                      "name cccccccccccc 10.40.0.1 web.weave.local alive",
                      "name cccccccccccc 10.32.0.1 web.weave.local alive"}));
}

TEST_F(AttachCommands, AttachWithoutNames) {
  serve();
  EXPECT_EQ(weave({"attach", "c1", "--without-dns", "--rewrite-hosts", "--add-host", "db:192.0.2.7"}).out,
            "10.32.0.1\n");
  EXPECT_EQ(log, (Log{"allocate cccccccccccc alive", "plug ccc 10.32.0.1/12 hosts(db:192.0.2.7)"}));
  log.clear();
  host.found = AttachPort::Identity{.id = kId, .fqdn = {}};
  EXPECT_EQ(weave({"attach", "c1", "--add-host=db:192.0.2.7"}),
            (Printed{0, "10.32.0.1\n", "--add-host has no effect without --rewrite-hosts\n"}));
  EXPECT_EQ(log, (Log{"allocate cccccccccccc alive", "plug ccc 10.32.0.1/12"}));
}

TEST_F(AttachCommands, AttachStopsAtTheFirstFailure) {
  serve();
  addresses.claim_result = failure(ErrorKind::already_exists, "address 10.77.1.1/24 is already owned by c2");
  EXPECT_EQ(weave({"attach", "10.77.1.1/24", "net:default", "c1"}),
            (Printed{1, "", "Unable to claim: address 10.77.1.1/24 is already owned by c2\n"}));
  EXPECT_EQ(weave({"attach", "net:10.2.3.2/31", "c1"}),
            (Printed{1, "", "invalid subnet - smaller than minimum size 4: 10.2.3.2/31\n"}));
  EXPECT_EQ(weave({"attach", "10.2.3.299/24", "c1"}), (Printed{1, "", "invalid CIDR address: 10.2.3.299/24\n"}));
  EXPECT_EQ(log, (Log{"claim cccccccccccc 10.77.1.1/24 alive"}));
  host.outcome = failure(ErrorKind::not_found, "Container ccc died");
  EXPECT_EQ(weave({"attach", "c1"}), (Printed{1, "", "Container ccc died\n"}));
  log.clear();
  host.found = failure(ErrorKind::refused, "container ccc not running");
  EXPECT_EQ(weave({"attach", "c1"}), (Printed{1, "", "container ccc not running\n"}));
  EXPECT_TRUE(log.empty());
}

TEST_F(AttachCommands, WithoutAllocationOrNames) {
  serve(false, false);
  Printed const no{1, "", "IP address allocation must be enabled to use 'net:'\n"};
  EXPECT_EQ(weave({"attach", "c1"}), no);
  EXPECT_EQ(weave({"expose"}), no);
  EXPECT_EQ(weave({"detach", "c1"}), no);
  EXPECT_EQ(weave({"attach", "10.77.1.1/24", "c1"}), (Printed{0, "10.77.1.1\n", ""}));
  EXPECT_EQ(weave({"detach", "10.77.1.1/24", "c1"}), (Printed{0, "10.77.1.1\n", ""}));
  EXPECT_EQ(weave({"expose", "10.77.1.254/24", "-h", "a.weave.local"}),
            (Printed{0, "10.77.1.254\n", "the name service is off in the running daemon\n"}));
  EXPECT_EQ(weave({"hide", "10.77.1.254/24"}), (Printed{0, "10.77.1.254\n", ""}));
}

TEST_F(AttachCommands, WithoutDockerOrDaemon) {
  EXPECT_EQ(weave({"attach", "c1"}).code, 7);
  EXPECT_EQ(weave({"hide"}).code, 7);
  serve(true, true, false);
  EXPECT_EQ(weave({"detach", "c1"}), (Printed{4, "", "the use of Docker is off in the running daemon\n"}));
}

TEST_F(AttachCommands, DetachTakesNamesAndAddressesAlong) {
  serve();
  addresses.held = {Ipv4Cidr::parse("10.32.0.1/12").value(), Ipv4Cidr::parse("10.33.0.1/24").value()};
  EXPECT_EQ(weave({"detach", "net:default", "10.77.1.1/24", "c1"}),
            (Printed{0, "10.32.0.1 10.33.0.1 10.77.1.1\n", ""}));
  EXPECT_EQ(log,
            (Log{"unplug ccc 10.32.0.1 10.33.0.1 10.77.1.1", "unname cccccccccccc 10.32.0.1 *",
                 "release cccccccccccc 10.32.0.1", "unname cccccccccccc 10.33.0.1 *", "release cccccccccccc 10.33.0.1",
                 "unname cccccccccccc 10.77.1.1 *", "release cccccccccccc 10.77.1.1"}));
  log.clear();
  addresses.held.clear();
  EXPECT_EQ(weave({"detach", "c1"}), (Printed{0, "\n", ""}));
  EXPECT_TRUE(log.empty());
}

TEST_F(AttachCommands, ExposeAndHide) {
  serve();
  EXPECT_EQ(weave({"expose", "10.77.1.254/24", "net:default", "-h", "gate.weave.local"}),
            (Printed{0, "10.77.1.254 10.32.0.1\n", ""}));
  EXPECT_EQ(log, (Log{"claim weave:expose 10.77.1.254/24", "allocate weave:expose", "expose 10.77.1.254/24",
                      "expose 10.32.0.1/12", "name weave:expose 10.77.1.254 gate.weave.local",
                      "name weave:expose 10.32.0.1 gate.weave.local"}));
  log.clear();
  EXPECT_EQ(weave({"expose", "--without-masquerade", "-h", "gate.example.org"}),
            (Printed{0, "10.32.0.1\n", "(gate.example.org is not in the domain weave.local. and was ignored)\n"}));
  EXPECT_EQ(log, (Log{"allocate weave:expose", "expose 10.32.0.1/12 plain"}));
  log.clear();
  EXPECT_EQ(weave({"hide", "10.77.1.254/24"}), (Printed{0, "10.77.1.254\n", ""}));
  EXPECT_EQ(log, (Log{"hide 10.77.1.254", "unname weave:expose 10.77.1.254 *", "release weave:expose 10.77.1.254"}));
  EXPECT_EQ(weave({"hide"}), (Printed{0, "\n", ""}));
  host.outcome = failure(ErrorKind::system, "no such device");
  EXPECT_EQ(weave({"expose"}), (Printed{1, "", "unable to expose: no such device\n"}));
}

TEST_F(AttachCommands, MisuseIsExplained) {
  serve();
  for (Words const& wrong : std::vector<Words>{
           {"attach"}, {"detach", "c1", "c2"}, {"expose", "-h", "a", "-h", "b"}, {"hide", "c1"}, {"ps", "-q"}}) {
    auto const printed = weave(wrong);
    EXPECT_EQ(printed.code, 1);
    EXPECT_TRUE(printed.err.starts_with("Usage:\n")) << wrong[0];
  }
  EXPECT_EQ(weave({"hide", "net:all"}),
            (Printed{1, "", "invalid address 'net:all': net:default, net:<cidr>, ip:<cidr> or <cidr> is needed\n"}));
  for (auto const& [words, text] : std::vector<std::pair<Words, std::string>>{
           {{"attach", "10.2.1.1", "c1"},
            "invalid address '10.2.1.1': its prefix length is missing, as in 10.2.1.1/24"},
           {{"expose", "10.2.1.1"}, "invalid address '10.2.1.1': its prefix length is missing, as in 10.2.1.1/24"},
           {{"hide", "10.2.1.1/240"},
            "invalid address '10.2.1.1/240': net:default, net:<cidr>, ip:<cidr> or <cidr> is needed"},
           {{"expose", "-h", "a b.weave.local"}, "a b.weave.local is not a name that DNS can hold"},
           {{"expose", "fd00::1/64"},
            "invalid address 'fd00::1/64': net:default, net:<cidr>, ip:<cidr> or <cidr> is needed, of IPv4"},
           {{"attach", "c1", "10.2.1.1/24"}, "address '10.2.1.1/24' must stand in front of all that is none"}}) {
    EXPECT_EQ(weave(words), (Printed{1, "", text + "\n"})) << words[0];
  }
  EXPECT_TRUE(log.empty());
}

} // namespace
} // namespace weave::tools
