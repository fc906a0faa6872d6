#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "plugin/address_allocator.hpp"
#include "plugin/address_pool.hpp"
#include "plugin/dispatcher.hpp"
#include "plugin/driver_store.hpp"
#include "plugin/network_isolation.hpp"
#include "plugin/network_source.hpp"
#include "plugin/sandbox_attacher.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::test {

/// A disk that survives the driver, and may be full.
class MemoryDriverStore final : public plugin::DriverStore {
 public:
  Result<void> put(std::string const& key, std::string const& text) override {
    if (full) return failure(ErrorKind::system, "no space left on device");
    records[key] = text;
    return {};
  }
  Result<void> erase(std::string const& key) override {
    records.erase(key);
    return {};
  }
  [[nodiscard]] Result<std::map<std::string, std::string>> load_all() const override { return records; }

  std::map<std::string, std::string> records;
  bool full = false;
};

/// One host that owns its whole universe, or waits for a quorum.
class FakeAllocator final : public plugin::AddressAllocator {
 public:
  [[nodiscard]] Ipv4Cidr default_subnet() const override { return subnet; }
  [[nodiscard]] Ipv4Cidr universe() const override { return subnet; }
  [[nodiscard]] Cancel allocate(Ipv4Cidr of, Ipv4Range range, Allocated done) override {
    return run([this, of, range, done] {
      if (!plugin::contains(universe(), of)) return done(failure(ErrorKind::out_of_range, "range out of bounds"));
      for (auto address = range.start; address < range.end; address = address + 1) {
        if (plugin::is_edge(of, address) || !held.insert(address).second) continue;
        return done(address);
      }
      done(failure(ErrorKind::unavailable, "no more addresses"));
    });
  }
  [[nodiscard]] Cancel claim(Ipv4Cidr address, Claimed done) override {
    return run([this, address, done] {
      if (elsewhere.contains(address.address)) {
        return done(failure(ErrorKind::refused, "address " + address.to_string() + " is owned by other peer b"));
      }
      if (!held.insert(address.address).second) {
        return done(failure(ErrorKind::already_exists, "address " + address.to_string() + " is already in use"));
      }
      done({});
    });
  }
  [[nodiscard]] Result<void> release(Ipv4Address address) override {
    if (held.erase(address) == 0) return failure(ErrorKind::not_found, "no addresses for " + address.to_string());
    return {};
  }
  [[nodiscard]] std::string waiting_for() const override { return "1 of 3 peers reachable: a; missing b, c"; }

  void reach_quorum() {
    waiting = false;
    for (auto const& work : std::exchange(queue, {})) work();
  }

  Ipv4Cidr subnet = *Ipv4Cidr::parse("10.32.0.0/12");
  std::set<Ipv4Address> held;
  std::set<Ipv4Address> elsewhere;
  bool waiting = false;
  bool heeds_cancel = true;
  int cancels = 0;
  std::vector<std::function<void()>> queue;

 private:
  Cancel run(std::function<void()> work) {
    if (!waiting) {
      work();
      return [] {};
    }
    auto const cancelled = std::make_shared<bool>(false);
    queue.push_back([this, work, cancelled] {
      if (!*cancelled || !heeds_cancel) work();
    });
    return [this, cancelled] {
      *cancelled = true;
      ++cancels;
    };
  }
};

/// Keeps the pairs that exist, by host name; may be slow.
class FakeAttacher final : public plugin::SandboxAttacher {
 public:
  void create_endpoint(plugin::EndpointLink const& link, std::optional<MacAddress> mac, Created done) override {
    ++creations;
    run([this, link, mac, done] {
      if (!bridge) return done(failure(ErrorKind::unavailable, "bridge \"weave\" not present; did you launch weave?"));
      if (moved.contains(link.host_name)) return done(failure(ErrorKind::already_exists, "in a container"));
      if (!links.contains(link.host_name)) {
        links[link.host_name] =
            mac.value_or(*MacAddress::parse("46:6a:8f:36:53:5" + std::to_string(links.size() % 10)));
      }
      done(links[link.host_name]);
    });
  }
  void delete_endpoint(plugin::EndpointLink const& link, Deleted done) override {
    run([this, link, done] {
      if (links.erase(link.host_name) + links.erase(link.old_host_name) == 0) {
        return done(failure(ErrorKind::not_found, "no such interface"));
      }
      done({});
    });
  }
  /// Finishes what is held back, one by one.
  bool finish_one() {
    if (queue.empty()) return false;
    auto const work = queue.front();
    queue.erase(queue.begin());
    work();
    return true;
  }

  std::map<std::string, MacAddress> links;
  std::set<std::string> moved; ///< their guest end is in a container
  bool bridge = true;
  bool slow = false;
  int creations = 0;
  std::vector<std::function<void()>> queue;

 private:
  void run(std::function<void()> work) {
    if (slow) return queue.push_back(std::move(work));
    work();
  }
};

class FakeNetworkSource final : public plugin::NetworkSource {
 public:
  void look_up(std::string const& network_id, Found found) override {
    asked.emplace_back(network_id, std::move(found));
  }
  std::vector<std::pair<std::string, Found>> asked;
};

/// A kernel that filters as it was told last, or cannot.
class FakeIsolation final : public plugin::NetworkIsolation {
 public:
  [[nodiscard]] std::optional<std::string> impossible() const override { return reason; }
  [[nodiscard]] Result<void> apply(plugin::IsolationPlan const& wanted) override {
    ++applied;
    if (broken) return failure(ErrorKind::system, "nftables: no");
    plan = wanted;
    return {};
  }
  void ensure(std::function<Result<void>()> apply) override {
    if (!apply()) ensured = std::move(apply);
  }

  /// What has not succeeded yet.
  std::function<Result<void>()> ensured;
  plugin::IsolationPlan plan;
  int applied = 0;
  std::optional<std::string> reason;
  bool broken = false;
};

/// What came back for one request.
struct Reply {
  int status = 0; ///< 0: nothing yet
  std::string body;
  std::string content_type;

  friend bool operator==(Reply const&, Reply const&) = default;
};

class ReplySink final : public http::Responder::Sink {
 public:
  explicit ReplySink(std::shared_ptr<Reply> reply) : reply_{std::move(reply)} {}
  void deliver(http::Response response) override {
    reply_->status = response.status;
    reply_->content_type = std::string{response.headers.get("Content-Type").value_or("")};
    reply_->body = std::move(response.body);
    on_abandoned_ = nullptr;
  }
  [[nodiscard]] bool abandoned() const override { return left_; }
  void set_on_abandoned(std::function<void()> call) override { on_abandoned_ = std::move(call); }
  void leave() {
    left_ = true;
    if (auto const call = std::exchange(on_abandoned_, nullptr)) call();
  }

 private:
  std::shared_ptr<Reply> reply_;
  std::function<void()> on_abandoned_;
  bool left_ = false;
};

/// Both drivers behind a dispatcher, without sockets.
struct PluginBench {
  VirtualScheduler scheduler;
  MemoryDriverStore store;
  FakeAllocator allocator;
  FakeAttacher attacher;
  FakeNetworkSource source;
  FakeIsolation isolation;
  std::shared_ptr<LogRecorder> log = std::make_shared<LogRecorder>();
  std::unique_ptr<plugin::NetworkDriver> network;
  std::unique_ptr<plugin::IpamDriver> ipam;
  std::unique_ptr<plugin::Dispatcher> dispatcher;
  std::shared_ptr<ReplySink> last_sink;

  PluginBench() { restart(); }
  void restart(plugin::NetworkDriver::Config config = {}, plugin::Scope scope = plugin::Scope::local) {
    dispatcher.reset();
    ipam.reset();
    network.reset();
    network = std::make_unique<plugin::NetworkDriver>(
        plugin::NetworkDriver::Dependencies{scheduler, attacher, store, source, isolation, Logger{log}}, config);
    ipam = std::make_unique<plugin::IpamDriver>(scheduler, allocator, Logger{log});
    dispatcher = std::make_unique<plugin::Dispatcher>(*network, *ipam, scope);
  }
  /// Sends and does not wait.
  std::shared_ptr<Reply> start(std::string const& method, std::string body) {
    auto reply = std::make_shared<Reply>();
    last_sink = std::make_shared<ReplySink>(reply);
    dispatcher->handle(http::Request{.method = "POST", .target = "/" + method, .headers = {}, .body = std::move(body)},
                       http::Responder{last_sink});
    return reply;
  }
  Reply call(std::string const& method, std::string body) { return *start(method, std::move(body)); }
  /// The body of a 200, without its newline.
  std::string good(std::string const& method, std::string body) {
    auto const reply = call(method, std::move(body));
    return reply.status == 200 && reply.body.ends_with('\n') ? reply.body.substr(0, reply.body.size() - 1)
                                                             : std::to_string(reply.status) + " " + reply.body;
  }
  std::string bad(std::string const& method, std::string body) {
    auto const reply = call(method, std::move(body));
    return std::to_string(reply.status) + " " + reply.body;
  }
};

} // namespace weave::test
