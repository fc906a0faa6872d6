#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "datapath/fastpath/fastdp_forwarder.hpp"
#include "datapath/tunnel/tunnel_overlay.hpp"
#include "test/fakes/fake_fast_path.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::test {

/// A sleeve that always works, a few milliseconds after the start.
class WorkingSleeve final : public datapath::ForwarderKind {
 public:
  explicit WorkingSleeve(Scheduler& scheduler) : scheduler_{scheduler} {}
  [[nodiscard]] std::string_view name() const override { return "sleeve"; }
  [[nodiscard]] Result<std::unique_ptr<datapath::Forwarder>> prepare(datapath::TunnelPeer const&,
                                                                     datapath::ForwarderEvents events) override {
    return std::make_unique<Tunnel>(scheduler_, std::move(events));
  }

 private:
  class Tunnel final : public datapath::Forwarder {
   public:
    Tunnel(Scheduler& scheduler, datapath::ForwarderEvents events)
        : scheduler_{scheduler}, events_{std::move(events)} {}
    void confirm() override {
      timer_ = scheduler_.after(std::chrono::milliseconds{5}, [this] { events_.established(); });
    }
    void on_control(std::uint8_t, ByteView) override {}
    [[nodiscard]] std::map<std::string, std::string> attributes() const override { return {}; }

   private:
    Scheduler& scheduler_;
    datapath::ForwarderEvents events_;
    Timer timer_;
  };
  Scheduler& scheduler_;
};

/// Two hosts with the real control of the fast path, joined by a simulated VXLAN network: latency, loss and a block in
/// each direction. Control messages travel in order and without loss, as over TCP. Host 0 dials host 1.
class FastdpNetwork {
 public:
  struct Host {
    PeerName name;
    std::optional<ShortId> short_id;
    Ipv4Address address;
    bool announces_liveness = true;
    FakeFastPath path;
    datapath::HeartbeatRegistry registry;
    std::unique_ptr<datapath::FastdpKind> kind;
    std::vector<datapath::TunnelEndpoints> endpoints;
    std::vector<std::optional<std::string>> bests;
    std::vector<std::pair<int, Bytes>> controls_sent;
    int established = 0;
    std::vector<std::string> errors;
    std::unique_ptr<datapath::TunnelSwitch> tunnel; // last: its end uses the members above

    /// From this host to the other.
    bool blocked = false;
    unsigned loss_percent = 0;

    [[nodiscard]] std::string best() const { return bests.empty() ? "" : bests.back().value_or("none"); }
  };

  explicit FastdpNetwork(std::uint64_t seed = 1) : random_{seed} {
    for (int i = 0; i < 2; ++i) {
      auto& host = hosts[i];
      host.name = PeerName{static_cast<std::uint64_t>(i) + 1};
      host.short_id = ShortId{static_cast<std::uint16_t>(11 * (i + 1))};
      host.address = Ipv4Address{0x0a000001U + static_cast<std::uint32_t>(i)};
      host.path.on_sent = [this, &host](FakeFastPath::Sent const& sent) { transmit(host, sent); };
      host.registry.use(host.path);
      host.kind = std::make_unique<datapath::FastdpKind>(datapath::FastdpForwarder::Dependencies{
          .scheduler = scheduler,
          .registry = host.registry,
          .short_id_of = [this](PeerName name) { return hosts[name == hosts[0].name ? 0 : 1].short_id; },
          .on_endpoints = [&host](PeerName, ConnectionUid,
                                  datapath::TunnelEndpoints const& ends) { host.endpoints.push_back(ends); },
          .logger = Logger{log},
          .self = host.name});
    }
  }

  void connect(std::uint64_t uid = 0x1122'3344'5566'7788) {
    for (int i = 0; i < 2; ++i) prepare(hosts[i], hosts[1 - i], ConnectionUid{uid}, i == 0);
  }
  void confirm() {
    for (auto& host : hosts) host.tunnel->confirm();
  }
  void run(Duration time) { scheduler.advance(time); }

  VirtualScheduler scheduler;
  std::shared_ptr<LogRecorder> log = std::make_shared<LogRecorder>();
  WorkingSleeve sleeve{scheduler};
  Duration latency = std::chrono::milliseconds{1};
  Host hosts[2];

 private:
  void prepare(Host& host, Host& other, ConnectionUid uid, bool outbound) {
    datapath::TunnelConnectionParameters parameters;
    parameters.peer = {.remote = other.name,
                       .nickname = "host",
                       .short_id = other.short_id,
                       .connection = uid,
                       .outbound = outbound,
                       .local = Ipv4Endpoint{host.address, 40000},
                       .endpoint = Ipv4Endpoint{other.address, outbound ? std::uint16_t{6783} : std::uint16_t{40000}},
                       .session_key = {},
                       .liveness = host.announces_liveness && other.announces_liveness};
    parameters.overlays = "fastdp sleeve";
    parameters.send_control = [this, &host, &other](std::uint8_t tag, Bytes body) {
      host.controls_sent.emplace_back(tag, body);
      arrive([&other, tag, body = std::move(body)] {
        if (other.tunnel) other.tunnel->on_control(tag, body);
      });
    };
    parameters.on_established = [&host] { ++host.established; };
    parameters.on_error = [&host](Error error) { host.errors.push_back(error.text()); };
    parameters.on_best = [&host](std::optional<std::string> name) { host.bests.push_back(std::move(name)); };
    datapath::TunnelOverlay const overlay{scheduler, Logger{log}, {host.kind.get(), &sleeve}};
    host.tunnel = *overlay.prepare(std::move(parameters));
  }

  void transmit(Host& from, FakeFastPath::Sent const& sent) {
    if (from.blocked || random_.below(100) < from.loss_percent) return;
    for (auto& to : hosts) {
      if (to.address != sent.endpoints.remote) continue;
      arrive([&to, sent, source = from.address] {
        if (!to.path.opened_ports.contains(sent.endpoints.udp_port)) return;
        auto const size = std::min(sent.frame.size(), datapath::kHeartbeatHead);
        to.registry.on_heartbeat(
            {.ids = sent.ids,
             .remote = source,
             .udp_port = sent.endpoints.udp_port,
             .length = static_cast<std::uint32_t>(sent.frame.size()),
             .head = Bytes(sent.frame.begin(), sent.frame.begin() + static_cast<std::ptrdiff_t>(size))});
      });
    }
  }
  void arrive(std::function<void()> call) { flying_.push_back(scheduler.after(latency, std::move(call))); }

  SeededRandom random_;
  std::vector<Timer> flying_;
};

} // namespace weave::test
