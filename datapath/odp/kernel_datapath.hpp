#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd_watcher.hpp"
#include "base/logger.hpp"
#include "datapath/netlink/receiving_socket.hpp"
#include "datapath/odp/datapath_interface.hpp"
#include "datapath/odp/kernel_requests.hpp"

namespace weave::datapath::odp {

struct KernelDatapathOptions {
  Logger logger = {};
  /// Of the queue of packets without a flow, as the kernel counts bytes (several hundred more than a packet has).
  std::size_t upcall_queue = 8 * 1024 * 1024;
};

/// A datapath of the Open vSwitch kernel module, of the network namespace that was current at open(). Upcalls are taken
/// whichever way the kernel dispatches them, by processor or by port, so that they survive the tools of Open vSwitch;
/// when somebody changes that setting it is set again. Whoever opened the datapath last gets the upcalls. Destroying
/// this object leaves the kernel as it is.
class KernelDatapath final : public DatapathInterface {
 public:
  /// Creates the datapath or adopts the one of that name with its ports and flows. not_found: this kernel has no Open
  /// vSwitch; already_exists: the name belongs to another device; refused without permission. `watcher` must outlive
  /// the object.
  [[nodiscard]] static Result<std::unique_ptr<KernelDatapath>> open(std::string const& name, FdWatcher& watcher,
                                                                    KernelDatapathOptions options = {});
  /// Deletes the datapath; success if there is none, also when this kernel has no Open vSwitch.
  [[nodiscard]] static Result<void> remove(std::string const& name);
  /// Deletes its flows alone; success as above.
  [[nodiscard]] static Result<void> remove_all_flows(std::string const& name);

  [[nodiscard]] Result<void> start(DatapathEvents events) override;
  [[nodiscard]] Result<std::vector<Vport>> ports() override;
  /// A vxlan port whose UDP port is in use fails with already_exists, also where the kernel reports success.
  [[nodiscard]] Result<Vport> add_port(VportSpec const& spec) override;
  [[nodiscard]] Result<void> remove_port(PortNo port) override;
  [[nodiscard]] Result<std::vector<Flow>> flows() override;
  [[nodiscard]] Result<void> put_flow(Flow const& flow) override;
  [[nodiscard]] Result<void> remove_flow(Flow const& flow) override;
  [[nodiscard]] Result<void> execute(ByteView packet, Actions const& actions) override;
  [[nodiscard]] Result<DatapathStats> statistics() override;
  [[nodiscard]] std::uint64_t upcalls_lost() const override { return upcalls_.lost(); }

 private:
  struct Sockets {
    KernelRequests requests;
    netlink::ReceivingSocket upcalls;
    netlink::ReceivingSocket news;
  };
  KernelDatapath(Sockets sockets, FdWatcher& watcher, Logger logger);

  [[nodiscard]] Result<void> take(std::string const& name);
  [[nodiscard]] Result<DatapathDescription> configure();
  [[nodiscard]] Result<void> check() const;
  /// Whether a not_found speaks of the datapath itself.
  [[nodiscard]] bool is_gone();

  /// Brings settings and known ports up to date; with `announce`, tells what changed.
  [[nodiscard]] Result<void> look_again(bool announce);
  void take_packets_of(Vport const& port);
  void forget_missing(std::vector<Vport> const& present, bool announce);
  void remember(Vport const& port, bool announce);
  void forget(PortNo port, bool announce);
  void end(std::string const& why);

  void on_upcalls_readable();
  void on_news_readable();
  void on_upcall(netlink::Message const& message);
  void on_news(netlink::Message const& message);
  void on_datapath_news(netlink::Message const& message, OvsMessage const& news);
  void on_vport_news(OvsMessage const& news);
  void on_overrun(bool of_news);

  KernelRequests requests_;
  netlink::ReceivingSocket upcalls_;
  netlink::ReceivingSocket news_;
  FdWatcher& watcher_;
  Logger logger_;
  DatapathEvents events_;
  DatapathIndex index_ = DatapathIndex::none;
  UpcallSettings settings_;
  std::map<PortNo, Vport> known_;
  bool deleted_ = false;
  std::vector<FdWatch> watches_;
  /// A callback may destroy this object.
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

} // namespace weave::datapath::odp
