#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "datapath/bridge/mac_table.hpp"
#include "datapath/fastpath/fast_path.hpp"

namespace weave::test {

/// A FastPath without a kernel: remembers what it was told, and hands heartbeats to whoever plays the network.
class FakeFastPath final : public datapath::FastPath {
 public:
  struct Sent {
    datapath::TunnelEndpoints endpoints;
    datapath::TunnelId ids;
    Bytes frame;
  };

  [[nodiscard]] std::string_view name() const override { return "fake"; }
  void start(datapath::FastPathEvents given) override { events = std::move(given); }
  [[nodiscard]] Result<void> attach_user_port(std::string const& device) override {
    user_port = device;
    return {};
  }
  [[nodiscard]] Result<void> open_tunnel_port(std::uint16_t udp_port) override {
    if (port_error) return std::unexpected<Error>{*port_error};
    opened_ports.insert(udp_port);
    return {};
  }
  void apply(std::shared_ptr<datapath::ForwardingState const> state) override { states.push_back(std::move(state)); }
  [[nodiscard]] Result<void> send_heartbeat(datapath::TunnelEndpoints const& endpoints, datapath::TunnelId ids,
                                            ByteView frame) override {
    if (send_error) return std::unexpected<Error>{*send_error};
    ++sent;
    last = Sent{endpoints, ids, Bytes(frame.begin(), frame.end())};
    if (on_sent) on_sent(*last);
    return {};
  }
  [[nodiscard]] datapath::MacLearning& macs() override { return macs_; }
  [[nodiscard]] Result<std::vector<datapath::FlowDescription>> flows() override {
    return std::vector<datapath::FlowDescription>{};
  }
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override { return {}; }

  datapath::FastPathEvents events;
  std::string user_port;
  std::set<std::uint16_t> opened_ports;
  std::vector<std::shared_ptr<datapath::ForwardingState const>> states;
  std::size_t sent = 0;
  std::optional<Sent> last;
  std::function<void(Sent const&)> on_sent;
  std::optional<Error> port_error;
  std::optional<Error> send_error;

 private:
  datapath::MacTable macs_{PeerName{1}};
};

} // namespace weave::test
