#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "controller/api/control_port.hpp"
#include "controller/api/host_port.hpp"
#include "test/unit/api/sample_report.hpp"

namespace weave::controller::api {

class FakeDaemon final : public DaemonPort {
 public:
  StatusReport state = sample_report();
  std::vector<std::string> log;
  std::vector<std::string> connect_errors;

  Result<std::optional<FastPathStatus>> installed = std::nullopt;

  StatusReport report() const override { return state; }
  Result<std::optional<FastPathStatus>> flows() override { return installed; }
  void connect(std::vector<std::string> peers, bool replace,
               std::function<void(std::vector<std::string>)> done) override {
    for (auto const& peer : peers) log.push_back((replace ? "replace " : "connect ") + peer);
    done(connect_errors);
  }
  void forget(std::vector<std::string> peers) override {
    for (auto const& peer : peers) log.push_back("forget " + peer);
  }
};

/// For the log: nothing if there is no limit.
inline std::string within(AddressPort::Limit limit) {
  return limit ? fmt::format(" {}s", std::chrono::duration_cast<std::chrono::seconds>(*limit).count()) : std::string{};
}

/// Answers at once from its members, except allocate and prime, which wait until the test completes them.
class FakeAddresses final : public AddressPort {
 public:
  std::vector<std::string> log;
  Completion<Ipv4Cidr> waiting_allocate;
  Completion<void> waiting_prime;
  Result<void> claim_result;
  Result<void> release_result;
  std::vector<Ipv4Cidr> held;

  Cancel allocate(std::string id, std::optional<Ipv4Cidr> subnet, bool check_alive, Limit limit,
                  Completion<Ipv4Cidr> done) override {
    log.push_back("allocate " + id + " " + (subnet ? subnet->to_string() : "default") + (check_alive ? " alive" : "") +
                  within(limit));
    waiting_allocate = std::move(done);
    return [this] {
      log.emplace_back("cancelled");
      std::exchange(waiting_allocate, nullptr)(failure(ErrorKind::cancelled, "Allocate request for c1 cancelled"));
    };
  }
  Cancel claim(std::string id, Ipv4Cidr address, bool check_alive, bool no_error_on_unknown, Limit limit,
               Completion<void> done) override {
    log.push_back("claim " + id + " " + address.to_string() + (check_alive ? " alive" : "") +
                  (no_error_on_unknown ? " lenient" : "") + within(limit));
    done(claim_result);
    return {};
  }
  std::vector<Ipv4Cidr> lookup(std::string const&, std::optional<Ipv4Cidr>) const override { return held; }
  std::vector<OwnedAddresses> owned() const override {
    return held.empty() ? std::vector<OwnedAddresses>{} : std::vector{OwnedAddresses{"c1", held}};
  }
  Result<void> release(std::string const& id, Ipv4Address address) override {
    log.push_back("release " + id + " " + address.to_string());
    return release_result;
  }
  Result<void> release_all(std::string const& id) override {
    log.push_back("release " + id);
    return release_result;
  }
  Ipv4Cidr default_subnet() const override { return Ipv4Cidr::parse("10.32.0.0/12").value(); }
  std::string tracker() const override { return {}; }
  Cancel prime(Limit limit, Completion<void> done) override {
    log.push_back("prime" + within(limit));
    waiting_prime = std::move(done);
    return [this] { waiting_prime = nullptr; };
  }
  void hand_over() override { log.emplace_back("hand over"); }
  Result<std::uint32_t> take_over(std::string const& peer) override {
    return peer == "dead" ? Result<std::uint32_t>{524288} : Result<std::uint32_t>{0};
  }
};

/// Does whatever it is asked to do with the host, at once.
class AgreeableHost final : public AttachPort, public ExposePort {
 public:
  void find(std::string container, Completion<Identity> done) override {
    done(Identity{.id = std::move(container), .fqdn = {}});
  }
  void attach(std::string, Wish, Completion<void> done) override { done({}); }
  void detach(std::string, std::vector<Ipv4Address>, Completion<void> done) override { done({}); }
  void expose(Ipv4Cidr, bool, Completion<void> done) override { done({}); }
  void hide(Ipv4Address, Completion<void> done) override { done({}); }
};

class FakeNetwork final : public DockerNetworkPort {
 public:
  Result<Removal> result = Removal{.removed = true, .attached_containers = {}};
  std::vector<std::string> log = {};
  void remove_default_network(Completion<Removal> done) override { done(result); }
  Result<void> switch_on() override {
    log.emplace_back("on");
    return result ? Result<void>{} : failure_of(result);
  }
  void switch_off(Completion<Removal> done) override {
    log.emplace_back("off");
    done(result);
  }
};

} // namespace weave::controller::api
