#include "datapath/odp/kernel_requests.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/format.h>

#include "datapath/odp/flow_codec.hpp"
#include "datapath/odp/packet_codec.hpp"
#include "datapath/odp/vport_codec.hpp"

namespace weave::datapath::odp {

namespace {

ifreq named(std::string_view name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

/// Sends a request whose answer is one object.
template <class T>
Result<T> ask(netlink::GenericSocket& socket, Result<Bytes> request, std::string const& what,
              Result<T> (*decode)(OvsMessage const&)) {
  if (!request) return failure_of(request);
  Result<T> answer = failure(ErrorKind::malformed, what + ": no answer");
  auto const done = socket.transact(std::move(*request), what, [&](netlink::Message const& message) {
    auto const ovs = decode_ovs(message);
    answer = ovs ? decode(*ovs) : Result<T>{failure_of(ovs)};
  });
  if (!done) return failure_of(done);
  return answer;
}

/// Sends a request whose answer is any number of objects; those that cannot be decoded are counted.
template <class T>
Result<std::vector<T>> ask_all(netlink::GenericSocket& socket, Result<Bytes> request, std::string const& what,
                               Result<T> (*decode)(OvsMessage const&), std::size_t& undecoded) {
  if (!request) return failure_of(request);
  std::vector<T> all;
  auto const start = [&] {
    all.clear();
    undecoded = 0;
  };
  auto const done = socket.dump(std::move(*request), what, start, [&](netlink::Message const& message) {
    auto const ovs = decode_ovs(message);
    auto object = ovs ? decode(*ovs) : Result<T>{failure_of(ovs)};
    if (object) {
      all.push_back(std::move(*object));
    } else {
      ++undecoded;
    }
  });
  if (!done) return failure_of(done);
  return all;
}

} // namespace

Result<KernelRequests> KernelRequests::open() {
  auto socket = netlink::GenericSocket::open();
  if (!socket) return failure_of(socket);
  // IPv6 where there is any: a kernel that first loads it when a VXLAN port opens its sockets hangs for good.
  UniqueFd devices{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!devices) devices.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!devices) return std::unexpected{system_error("open socket for devices", errno)};
  KernelRequests requests{std::move(*socket), std::move(devices)};
  if (auto const resolved = requests.resolve_families(); !resolved) return failure_of(resolved);
  return requests;
}

Result<void> KernelRequests::resolve_families() {
  auto datapath = socket_.family("ovs_datapath");
  if (!datapath && datapath.error().kind() == ErrorKind::not_found) {
    provoke_module_load();
    datapath = socket_.family("ovs_datapath");
  }
  if (!datapath && datapath.error().kind() == ErrorKind::not_found) {
    return failure(ErrorKind::not_found, "kernel lacks Open vSwitch");
  }
  auto const vport = socket_.family("ovs_vport");
  auto const flow = socket_.family("ovs_flow");
  auto const packet = socket_.family("ovs_packet");
  for (auto const* family : {&std::as_const(datapath), &vport, &flow, &packet}) {
    if (!*family) return failure_of(*family);
  }
  auto const datapath_group = datapath->groups.find("ovs_datapath");
  auto const vport_group = vport->groups.find("ovs_vport");
  if (datapath_group == datapath->groups.end() || vport_group == vport->groups.end()) {
    return failure(ErrorKind::not_found, "Open vSwitch in this kernel does not tell of changes");
  }
  families_ = {.datapath = datapath->id,
               .vport = vport->id,
               .flow = flow->id,
               .packet = packet->id,
               .datapath_group = datapath_group->second,
               .vport_group = vport_group->second};
  return {};
}

/// The kernel loads a module named like a device that somebody asks for (protocol/datapath.md §6).
void KernelRequests::provoke_module_load() const {
  auto request = named("openvswitch");
  (void)::ioctl(devices_.get(), SIOCGIFINDEX, &request);
}

bool KernelRequests::is_device_down(std::string const& name) const {
  auto request = named(name);
  return ::ioctl(devices_.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) == 0;
}

Result<DatapathDescription> KernelRequests::ask_datapath(Result<Bytes> request, std::string const& what) {
  return ask<DatapathDescription>(socket_, std::move(request), what, decode_datapath);
}

Result<void> KernelRequests::tell(Result<Bytes> request, std::string const& what) {
  if (!request) return failure_of(request);
  return socket_.transact(std::move(*request), what);
}

Result<DatapathDescription> KernelRequests::find(std::string const& name) {
  return ask_datapath(encode_datapath_get(families_.datapath, name), "find datapath " + name);
}

Result<DatapathDescription> KernelRequests::find(DatapathIndex index) {
  return ask_datapath(encode_datapath_get(families_.datapath, index), "look at the datapath");
}

Result<DatapathDescription> KernelRequests::create(std::string const& name, std::uint32_t local_pid,
                                                   UpcallSettings const& settings) {
  return ask_datapath(encode_datapath_new(families_.datapath, name, local_pid, settings), "create datapath " + name);
}

Result<DatapathDescription> KernelRequests::configure(DatapathIndex index, UpcallSettings const& settings) {
  return ask_datapath(encode_datapath_set(families_.datapath, index, settings), "configure the datapath");
}

Result<void> KernelRequests::destroy(DatapathIndex index) {
  return tell(encode_datapath_delete(families_.datapath, index), "delete the datapath");
}

Result<std::vector<Vport>> KernelRequests::vports(DatapathIndex index) {
  std::size_t undecoded = 0;
  auto all = ask_all<Vport>(socket_, encode_vport_dump(families_.vport, index), "list ports of the datapath",
                            decode_vport, undecoded);
  if (all) std::ranges::sort(*all, {}, &Vport::number);
  return all;
}

Result<Vport> KernelRequests::add_vport(DatapathIndex index, VportSpec const& spec, std::uint32_t upcall_pid) {
  return ask<Vport>(socket_, encode_vport_new(families_.vport, index, spec, upcall_pid),
                    fmt::format("add port {} to the datapath", spec.name), decode_vport);
}

Result<void> KernelRequests::set_upcall_pid(DatapathIndex index, PortNo port, std::uint32_t upcall_pid) {
  return tell(encode_vport_set_pid(families_.vport, index, port, upcall_pid),
              fmt::format("take the packets of port {}", static_cast<std::uint32_t>(port)));
}

Result<void> KernelRequests::remove_vport(DatapathIndex index, PortNo port) {
  return tell(encode_vport_delete(families_.vport, index, port),
              fmt::format("remove port {} from the datapath", static_cast<std::uint32_t>(port)));
}

Result<std::vector<Flow>> KernelRequests::flows(DatapathIndex index, std::size_t& undecoded) {
  return ask_all<Flow>(socket_, encode_flow_dump(families_.flow, index), "list flows of the datapath", decode_flow,
                       undecoded);
}

Result<void> KernelRequests::create_flow(DatapathIndex index, Flow const& flow) {
  return tell(encode_flow_new(families_.flow, index, flow), "install a flow");
}

Result<void> KernelRequests::change_flow(DatapathIndex index, Flow const& flow) {
  return tell(encode_flow_change(families_.flow, index, flow), "change a flow");
}

Result<void> KernelRequests::remove_flow(DatapathIndex index, Flow const& flow) {
  return tell(encode_flow_delete(families_.flow, index, flow), "remove a flow");
}

Result<void> KernelRequests::remove_all_flows(DatapathIndex index) {
  return tell(encode_flow_flush(families_.flow, index), "remove all flows");
}

Result<void> KernelRequests::execute(DatapathIndex index, ByteView packet, Actions const& actions) {
  auto request = encode_execute(families_.packet, index, packet, actions);
  if (!request) return failure_of(request);
  return socket_.send(std::move(*request), "hand a packet to the datapath");
}

} // namespace weave::datapath::odp
