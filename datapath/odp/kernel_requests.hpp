#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "datapath/netlink/generic_socket.hpp"
#include "datapath/odp/datapath_codec.hpp"
#include "datapath/odp/ovs_message.hpp"
#include "datapath/odp/types.hpp"

namespace weave::datapath::odp {

/// What this kernel calls the four families of Open vSwitch by, and the groups that it tells news to.
struct Families {
  std::uint16_t datapath = 0;
  std::uint16_t vport = 0;
  std::uint16_t flow = 0;
  std::uint16_t packet = 0;
  std::uint32_t datapath_group = 0;
  std::uint32_t vport_group = 0;
};

/// The requests that Open vSwitch in the kernel understands, one round trip each, without state of their own. Of the
/// network namespace that was current at open(). One thread. Errors as GenericSocket says.
class KernelRequests {
 public:
  /// not_found when the kernel has no Open vSwitch and no module of it.
  [[nodiscard]] static Result<KernelRequests> open();

  [[nodiscard]] Families const& families() const { return families_; }
  [[nodiscard]] netlink::GenericSocket const& socket() const { return socket_; }

  [[nodiscard]] Result<DatapathDescription> find(std::string const& name);
  [[nodiscard]] Result<DatapathDescription> find(DatapathIndex index);
  [[nodiscard]] Result<DatapathDescription> create(std::string const& name, std::uint32_t local_pid,
                                                   UpcallSettings const& settings);
  [[nodiscard]] Result<DatapathDescription> configure(DatapathIndex index, UpcallSettings const& settings);
  [[nodiscard]] Result<void> destroy(DatapathIndex index);

  [[nodiscard]] Result<std::vector<Vport>> vports(DatapathIndex index);
  [[nodiscard]] Result<Vport> add_vport(DatapathIndex index, VportSpec const& spec, std::uint32_t upcall_pid);
  [[nodiscard]] Result<void> set_upcall_pid(DatapathIndex index, PortNo port, std::uint32_t upcall_pid);
  [[nodiscard]] Result<void> remove_vport(DatapathIndex index, PortNo port);

  /// `undecoded` counts what had a form that the kernel should not use.
  [[nodiscard]] Result<std::vector<Flow>> flows(DatapathIndex index, std::size_t& undecoded);
  [[nodiscard]] Result<void> create_flow(DatapathIndex index, Flow const& flow);
  [[nodiscard]] Result<void> change_flow(DatapathIndex index, Flow const& flow);
  [[nodiscard]] Result<void> remove_flow(DatapathIndex index, Flow const& flow);
  [[nodiscard]] Result<void> remove_all_flows(DatapathIndex index);
  [[nodiscard]] Result<void> execute(DatapathIndex index, ByteView packet, Actions const& actions);

  /// Whether there is a network device of that name that is down.
  [[nodiscard]] bool is_device_down(std::string const& name) const;

 private:
  KernelRequests(netlink::GenericSocket socket, UniqueFd devices)
      : socket_{std::move(socket)}, devices_{std::move(devices)} {}

  [[nodiscard]] Result<void> resolve_families();
  void provoke_module_load() const;
  [[nodiscard]] Result<DatapathDescription> ask_datapath(Result<Bytes> request, std::string const& what);
  [[nodiscard]] Result<void> tell(Result<Bytes> request, std::string const& what);

  netlink::GenericSocket socket_;
  UniqueFd devices_;
  Families families_;
};

} // namespace weave::datapath::odp
