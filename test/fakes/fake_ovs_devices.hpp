#pragma once

#include <map>
#include <string>
#include <string_view>

#include "datapath/odp/ovs_devices.hpp"
#include "test/fakes/fake_datapath.hpp"

namespace weave::test {

/// The devices around a FakeSwitch, as a host would have them: what is removed here takes its vport along.
class FakeOvsDevices final : public datapath::odp::OvsDevices {
 public:
  explicit FakeOvsDevices(FakeSwitch& owner) : switch_{owner} {}

  [[nodiscard]] Result<bool> ensure_bridge_link() override {
    if (auto const failed = fault("bridge_link")) return std::unexpected(*failed);
    std::string const name{datapath::odp::kDatapathEnd};
    bool const there = switch_.has_device(name);
    switch_.add_device(name);
    down.erase(name);
    return !there;
  }
  [[nodiscard]] Result<void> ensure_host_device(std::string_view name) override {
    if (auto const failed = fault("host_device")) return std::unexpected(*failed);
    down.erase(std::string{name});
    return {};
  }
  [[nodiscard]] Result<void> ensure_tunnel_device(std::uint16_t udp_port) override {
    if (auto const failed = fault("tunnel_device")) return std::unexpected(*failed);
    auto const name = "vxlan-" + std::to_string(udp_port);
    switch_.add_device(name);
    down.erase(name);
    return {};
  }
  [[nodiscard]] bool is_up(std::string_view name) override { return !down.contains(std::string{name}); }
  [[nodiscard]] Result<void> set_up(std::string_view name) override {
    down.erase(std::string{name});
    return {};
  }
  [[nodiscard]] Result<void> remove(std::string_view name) override {
    switch_.remove_device(std::string{name});
    return {};
  }

  std::map<std::string, Error> faults;
  std::set<std::string> down;

 private:
  [[nodiscard]] std::optional<Error> fault(std::string const& what) const {
    auto const found = faults.find(what);
    return found == faults.end() ? std::nullopt : std::optional{found->second};
  }

  FakeSwitch& switch_;
};

} // namespace weave::test
