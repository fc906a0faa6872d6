#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "datapath/tunnel/sleeve_forwarder.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"
#include "datapath/tunnel/tunnel_overlay.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::test {

/// Two hosts with real sleeve control, joined by a simulated network: latency, loss, path MTU, translated addresses and
/// blocked UDP. Control messages travel in order and without loss, as over TCP.
class SleeveNetwork {
 public:
  struct Host final : datapath::SleeveIo {
    SleeveNetwork* network = nullptr;
    PeerName name;
    Ipv4Endpoint address; // as others see it
    std::uint32_t link_mtu = 1500;
    std::uint32_t remembered_mtu = 65535; // by the kernel, after ICMP messages
    int forgotten = 0;
    bool reachable_first = false; // knows the other's address from the start
    datapath::SleeveRegistry registry;
    datapath::SleeveEvents events = registry.events();
    std::unique_ptr<datapath::SleeveKind> kind;
    std::map<PeerName, datapath::SleevePath> paths;
    std::vector<datapath::SleeveSpecial> sent;
    std::vector<std::pair<int, Bytes>> controls_sent;
    int established = 0;
    std::vector<std::string> errors;
    std::unique_ptr<datapath::TunnelSwitch> tunnel; // last: its end uses the members above

    void set_path(datapath::SleevePath const& path) override { paths[path.peer] = path; }
    void remove_path(PeerName peer, ConnectionUid connection) override {
      auto const found = paths.find(peer);
      if (found != paths.end() && found->second.connection == connection) paths.erase(found);
    }
    void send_special(datapath::SleeveSpecial special) override {
      sent.push_back(special);
      network->transmit(*this, special);
    }
    void forget_path_mtus() override {
      remembered_mtu = 65535;
      ++forgotten;
    }
    [[nodiscard]] std::string mtu() const { return tunnel->attributes().at("mtu"); }
  };

  SleeveNetwork() {
    for (int i = 0; i < 2; ++i) {
      auto& host = hosts[i];
      host.network = this;
      host.name = PeerName{static_cast<std::uint64_t>(i) + 1};
      host.address = {Ipv4Address{0xc0a83201U + static_cast<std::uint32_t>(i)}, 6783};
      host.kind = std::make_unique<datapath::SleeveKind>(
          datapath::SleeveForwarder::Dependencies{scheduler, host, host.registry, Logger{log}});
    }
    hosts[0].reachable_first = true;
  }

  /// A new TCP connection, dialled by host 0.
  void connect(std::uint64_t uid = 0x1122'3344'5566'7788, std::optional<std::string> feature = "sleeve") {
    for (int i = 0; i < 2; ++i) prepare(hosts[i], hosts[1 - i], ConnectionUid{uid}, feature);
  }
  void confirm(int host) { hosts[host].tunnel->confirm(); }
  void run(Duration time) { scheduler.advance(time); }
  [[nodiscard]] bool both_established() const { return hosts[0].established == 1 && hosts[1].established == 1; }

  VirtualScheduler scheduler;
  std::shared_ptr<LogRecorder> log = std::make_shared<LogRecorder>();
  Duration latency = std::chrono::milliseconds{1};
  std::uint32_t path_mtu = 1500;
  unsigned loss_percent = 0;
  bool udp_blocked = false;
  bool fragments_blocked = false;
  /// The narrow place says so to the sender's kernel; else longer packets vanish there.
  bool icmp = false;
  /// Of the next connection; null: clear.
  std::shared_ptr<Secret const> session_key;
  /// What both ends announce for encrypted packets.
  std::string suites;
  /// Both know probes.
  bool probes = false;
  Host hosts[2];

 private:
  void arrive(std::function<void()> call) { flying_.push_back(scheduler.after(latency, std::move(call))); }

  void prepare(Host& host, Host& other, ConnectionUid uid, std::optional<std::string> const& feature) {
    datapath::TunnelConnectionParameters parameters;
    parameters.peer = {.remote = other.name,
                       .nickname = "host",
                       .short_id = {},
                       .connection = uid,
                       .outbound = host.reachable_first,
                       .local = Ipv4Endpoint{host.address.address, 40000},
                       .endpoint = Ipv4Endpoint{other.address.address,
                                                host.reachable_first ? other.address.port : std::uint16_t{40000}},
                       .session_key = session_key,
                       .sleeve_probes = probes,
                       .our_suites = suites,
                       .their_suites = suites};
    parameters.overlays = feature;
    parameters.send_control = [this, &host, &other](std::uint8_t tag, Bytes body) {
      host.controls_sent.emplace_back(tag, body);
      arrive([&other, tag, body = std::move(body)] {
        if (other.tunnel) other.tunnel->on_control(tag, body);
      });
    };
    parameters.on_established = [&host] { ++host.established; };
    parameters.on_error = [&host](Error error) { host.errors.push_back(error.text()); };
    datapath::TunnelOverlay const overlay{scheduler, Logger{log}, {host.kind.get()}};
    host.tunnel = *overlay.prepare(std::move(parameters));
  }

  void transmit(Host& from, datapath::SleeveSpecial const& special) {
    auto const path = from.paths.find(special.peer);
    if (path == from.paths.end() || !path->second.remote) return;
    datapath::SleeveMtu const sizes{.encrypted = path->second.cipher != nullptr};
    auto const size = datapath::kOuterHeaders + sizes.packet_overhead() + datapath::kFrameOverhead +
                      static_cast<std::uint32_t>(special.frame.size());
    bool const df = special.channel == datapath::SleeveChannel::df;
    auto const known = std::min(from.link_mtu, from.remembered_mtu);
    if (df && size > (special.past_kernel ? from.link_mtu : known)) {
      scheduler.post([&from, special, known] { from.events.on_too_big(special.peer, special.connection, known); });
      return;
    }
    if (df && icmp && size > path_mtu) from.remembered_mtu = path_mtu;
    if (udp_blocked || (df && size > path_mtu) || (!df && size > path_mtu && fragments_blocked)) return;
    if (random_.below(100) < loss_percent) return;
    for (auto& to : hosts) {
      if (to.address != *path->second.remote) continue;
      arrive([this, &from, &to, special, source = from.address] {
        if (to.paths.contains(from.name))
          to.events.on_special(from.name, source, special.channel, special.frame, scheduler.now());
      });
    }
  }

  SeededRandom random_{42};
  std::vector<Timer> flying_;
};

} // namespace weave::test
