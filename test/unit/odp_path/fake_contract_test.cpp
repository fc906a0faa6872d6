#include "test/contract/datapath_contract.hpp"
#include "test/fakes/fake_datapath.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::test {
namespace {

class FakeWorld final : public DatapathWorld {
 public:
  std::unique_ptr<datapath::odp::DatapathInterface> open() override { return switch_.open(); }
  void delete_datapath() override { switch_.delete_datapath(); }
  void make_device(std::string const& name) override { switch_.add_device(name); }
  void delete_device(std::string const& name) override { switch_.remove_device(name); }
  void send(std::string const& device, Bytes const& frame) override { switch_.receive(device, frame); }
  void send_tunnelled(std::string const& device, std::uint64_t tunnel_id, Bytes const& frame) override {
    switch_.receive(device, frame,
                    datapath::odp::TunnelKey{.id = tunnel_id, .source = remote(), .destination = local()});
  }
  Ipv4Address local() const override { return Ipv4Address{0x0a000001}; }
  Ipv4Address remote() const override { return Ipv4Address{0x0a000002}; }
  bool make_tunnel_device(std::string const& name, std::uint16_t udp_port) override {
    switch_.add_device(name);
    return true;
  }
  std::vector<Bytes> received(std::string const& device) override {
    sort_out();
    return std::exchange(plain_[device], {});
  }
  std::vector<std::pair<std::uint64_t, Bytes>> received_tunnelled() override {
    sort_out();
    return std::exchange(tunnelled_, {});
  }
  bool run_until(std::function<bool()> const& done) override {
    scheduler_.settle();
    return done();
  }
  void run_a_while() override { scheduler_.settle(); }

 private:
  void sort_out() {
    for (auto& packet : switch_.take_sent()) {
      if (packet.tunnel) {
        tunnelled_.emplace_back(packet.tunnel->id, std::move(packet.frame));
      } else {
        plain_[packet.port].push_back(std::move(packet.frame));
      }
    }
  }

  VirtualScheduler scheduler_;
  FakeSwitch switch_{[this](std::function<void()> call) { scheduler_.post(std::move(call)); }};
  std::map<std::string, std::vector<Bytes>> plain_;
  std::vector<std::pair<std::uint64_t, Bytes>> tunnelled_;
};

INSTANTIATE_TEST_SUITE_P(Fake, DatapathContract,
                         testing::Values(WorldFactory{[](std::string&) { return std::make_unique<FakeWorld>(); }}));

} // namespace
} // namespace weave::test
