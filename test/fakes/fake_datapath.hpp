#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "datapath/odp/datapath_interface.hpp"

namespace weave::test {

/// A packet that left a vport of a FakeSwitch.
struct SentPacket {
  std::string port;
  /// With its VLAN tags, as on a wire.
  Bytes frame;
  /// What a VXLAN device would write into the outer headers.
  std::optional<datapath::odp::TunnelKey> tunnel = {};

  friend bool operator==(SentPacket const&, SentPacket const&) = default;
};

class FakeDatapath;

/// The kernel's side: a datapath and the devices of its host, in memory. It outlives the processes that use it, as a
/// kernel does. A packet that two flows match with different actions is an error of whoever installed them, counted in
/// `ambiguous`.
class FakeSwitch {
 public:
  using Post = std::function<void(std::function<void()>)>;

  struct Counters {
    std::uint64_t puts = 0;     ///< put_flow calls that succeeded
    std::uint64_t removals = 0; ///< flows that remove_flow deleted
    std::uint64_t executed = 0;
    std::uint64_t upcalls = 0;
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t lost = 0;
    std::uint64_t ambiguous = 0;
  };

  /// `post` runs events later, on the control thread.
  explicit FakeSwitch(Post post, std::string name = "datapath");

  /// Network devices that netdev vports can be made of. Removing one takes its vport along.
  void add_device(std::string const& name) { devices_.insert(name); }
  void remove_device(std::string const& name);
  [[nodiscard]] bool has_device(std::string const& name) const { return devices_.contains(name); }
  /// Somebody else has this UDP port.
  void occupy_udp_port(std::uint16_t port) { busy_udp_ports_.insert(port); }

  /// A process opens the datapath, which is made if there is none.
  [[nodiscard]] std::unique_ptr<FakeDatapath> open();
  [[nodiscard]] bool exists() const { return exists_; }
  /// By somebody else; whoever has it open is told.
  void delete_datapath();
  /// By somebody else, without anybody being told (ovs-dpctl del-flows).
  void delete_flows() { flows_.clear(); }
  /// By somebody else.
  void put_foreign_flow(datapath::odp::Flow const& flow) { flows_.push_back(flow); }

  /// A frame arrives at a vport: the matching flow acts on it, or it becomes an upcall.
  void receive(std::string_view port, ByteView frame, std::optional<datapath::odp::TunnelKey> tunnel = {});
  /// Upcalls not yet delivered are lost, and the process is told.
  void overrun();

  /// What left since the last call.
  [[nodiscard]] std::vector<SentPacket> take_sent() { return std::exchange(sent_, {}); }
  [[nodiscard]] std::optional<datapath::odp::Vport> port(std::string_view name) const;
  [[nodiscard]] std::list<datapath::odp::Flow> const& flows() const { return flows_; }
  [[nodiscard]] Counters const& counters() const { return counters_; }
  /// The clock of flow statistics.
  void set_clock(std::function<std::chrono::milliseconds()> clock) { clock_ = std::move(clock); }

  /// Faults: the named methods ("open", "add_port", "put_flow", …) fail until told otherwise.
  void fail(std::string const& method, Error error) { faults_.insert_or_assign(method, std::move(error)); }
  void heal(std::string const& method) { faults_.erase(method); }

 private:
  friend class FakeDatapath;
  struct PacketState;

  [[nodiscard]] Result<void> check(std::string const& method) const;
  void make();
  [[nodiscard]] Result<datapath::odp::Vport> add_port(datapath::odp::VportSpec const& spec, std::uint32_t pid);
  void remove_port(datapath::odp::PortNo number);
  [[nodiscard]] std::list<datapath::odp::Flow>::iterator find_flow(datapath::odp::Flow const& flow);
  void upcall(datapath::odp::PortNo port, ByteView frame, std::optional<datapath::odp::TunnelKey> const& tunnel);
  void act(PacketState packet, datapath::odp::Actions const& actions);
  /// Calls `notify` later on the process that is there then.
  void tell(std::function<void(FakeDatapath&)> notify);

  Post post_;
  std::string name_;
  bool exists_ = false;
  std::set<std::string> devices_;
  std::set<std::uint16_t> busy_udp_ports_;
  std::map<datapath::odp::PortNo, datapath::odp::Vport> ports_;
  std::list<datapath::odp::Flow> flows_;
  std::vector<SentPacket> sent_;
  Counters counters_;
  std::map<std::string, Error> faults_;
  std::function<std::chrono::milliseconds()> clock_;
  /// Of the upcalls under way; older ones are lost.
  std::uint64_t upcall_epoch_ = 0;
  std::uint64_t upcalls_under_way_ = 0;
  FakeDatapath* process_ = nullptr;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// One process's handle on a FakeSwitch.
class FakeDatapath final : public datapath::odp::DatapathInterface {
 public:
  explicit FakeDatapath(FakeSwitch& owner) : switch_{owner} {}
  ~FakeDatapath() override;

  [[nodiscard]] Result<void> start(datapath::odp::DatapathEvents events) override;
  [[nodiscard]] Result<std::vector<datapath::odp::Vport>> ports() override;
  [[nodiscard]] Result<datapath::odp::Vport> add_port(datapath::odp::VportSpec const& spec) override;
  [[nodiscard]] Result<void> remove_port(datapath::odp::PortNo port) override;
  [[nodiscard]] Result<std::vector<datapath::odp::Flow>> flows() override;
  [[nodiscard]] Result<void> put_flow(datapath::odp::Flow const& flow) override;
  [[nodiscard]] Result<void> remove_flow(datapath::odp::Flow const& flow) override;
  [[nodiscard]] Result<void> execute(ByteView packet, datapath::odp::Actions const& actions) override;
  [[nodiscard]] Result<datapath::odp::DatapathStats> statistics() override;
  [[nodiscard]] std::uint64_t upcalls_lost() const override { return upcalls_lost_; }

 private:
  friend class FakeSwitch;

  [[nodiscard]] Result<void> check(std::string const& method) const;

  FakeSwitch& switch_;
  datapath::odp::DatapathEvents events_;
  bool deleted_ = false;
  std::uint64_t upcalls_lost_ = 0;
};

} // namespace weave::test
