#pragma once

#include <map>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "datapath/link/vxlan_device.hpp"
#include "datapath/odp/kernel_datapath.hpp"
#include "test/contract/datapath_contract.hpp"
#include "test/fakes/poll_watcher.hpp"
#include "test/system/packet_socket.hpp"
#include "test/system/scratch_namespace.hpp"

namespace weave::test {

/// A host with an Open vSwitch datapath of the real kernel, and a second one that VXLAN packets come from and go to.
class OvsWorld final : public DatapathWorld {
 public:
  static constexpr char const* kName = "ct-dp";

  /// None with a reason where this kernel has no Open vSwitch or where rights are missing.
  [[nodiscard]] static std::unique_ptr<OvsWorld> create(std::string& reason) {
    auto host = ScratchNamespace::create(reason);
    auto other = host ? ScratchNamespace::create(reason) : nullptr;
    if (!other) return nullptr;
    std::unique_ptr<OvsWorld> world{new OvsWorld{std::move(host), std::move(other)}};
    auto const prepared = world->prepare();
    if (prepared) return world;
    reason = prepared.error().text();
    return nullptr;
  }
  ~OvsWorld() override { delete_datapath(); }

  std::unique_ptr<datapath::odp::DatapathInterface> open() override {
    auto opened = open_kernel();
    EXPECT_TRUE(opened) << opened.error().text();
    return opened ? std::move(*opened) : nullptr;
  }
  [[nodiscard]] Result<std::unique_ptr<datapath::odp::KernelDatapath>> open_kernel(
      datapath::odp::KernelDatapathOptions const& options = {}) {
    Result<std::unique_ptr<datapath::odp::KernelDatapath>> opened = nullptr;
    auto const done = host_->run([&]() -> Result<void> {
      opened = datapath::odp::KernelDatapath::open(kName, watcher_, options);
      return {};
    });
    return opened;
  }
  void delete_datapath() override {
    (void)host_->run([] { return datapath::odp::KernelDatapath::remove(kName); });
  }

  void make_device(std::string const& name) override {
    if (sockets_.contains(name)) return;
    auto const peer = name + "p";
    auto& links = host_->links();
    ASSERT_TRUE(links.create_veth({.host_name = name, .guest_name = peer, .mtu = 65535}));
    ASSERT_TRUE(links.change(name, {.up = true}));
    ASSERT_TRUE(links.change(peer, {.up = true}));
    wait_until_running(name);
    wait_until_running(peer);
    sockets_.emplace(name, std::make_unique<PacketSocket>(*host_, peer));
  }
  void delete_device(std::string const& name) override {
    sockets_.erase(name);
    EXPECT_TRUE(host_->links().remove(name));
  }
  void send(std::string const& device, Bytes const& frame) override { EXPECT_TRUE(sockets_.at(device)->send(frame)); }

  void send_tunnelled(std::string const& device, std::uint64_t tunnel_id, Bytes const& frame) override {
    ByteWriter packet;
    packet.u32(0x0800'0000).u32(static_cast<std::uint32_t>(tunnel_id << 8)).raw(frame);
    auto const to = address_of(local());
    EXPECT_EQ(::sendto(remote_socket_.get(), packet.bytes().data(), packet.size(), 0,
                       reinterpret_cast<sockaddr const*>(&to), sizeof to),
              static_cast<ssize_t>(packet.size()));
  }
  [[nodiscard]] Ipv4Address local() const override { return *Ipv4Address::parse("192.0.2.1"); }
  [[nodiscard]] Ipv4Address remote() const override { return *Ipv4Address::parse("192.0.2.2"); }
  [[nodiscard]] bool make_tunnel_device(std::string const& name, std::uint16_t udp_port) override {
    udp_port_ = udp_port;
    remote_socket_ = bound_udp_socket(*other_, udp_port);
    return remote_socket_ &&
           datapath::ensure_vxlan_device(host_->links(), {.name = name, .udp_port = udp_port, .mtu = 1376});
  }

  [[nodiscard]] std::vector<Bytes> received(std::string const& device) override {
    std::vector<Bytes> frames;
    while (auto frame = sockets_.at(device)->next(0)) {
      if (is_of_suite(frame->bytes)) frames.push_back(std::move(frame->bytes));
    }
    return frames;
  }
  [[nodiscard]] std::vector<std::pair<std::uint64_t, Bytes>> received_tunnelled() override {
    std::vector<std::pair<std::uint64_t, Bytes>> packets;
    Bytes buffer(70'000);
    for (;;) {
      auto const size = ::recv(remote_socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 8) return packets;
      packets.emplace_back(datapath::load_u32(buffer, 4) >> 8, Bytes(buffer.begin() + 8, buffer.begin() + size));
    }
  }

  bool run_until(std::function<bool()> const& done) override { return watcher_.run_until(done); }
  void run_a_while() override {
    (void)watcher_.run_until([] { return false; }, std::chrono::milliseconds{200});
  }

  [[nodiscard]] ScratchNamespace& host() { return *host_; }
  [[nodiscard]] ScratchNamespace& other() { return *other_; }
  [[nodiscard]] PollWatcher& watcher() { return watcher_; }
  [[nodiscard]] static UniqueFd bound_udp_socket(ScratchNamespace const& net, std::uint16_t port) {
    UniqueFd bound;
    (void)net.run([&]() -> Result<void> {
      UniqueFd made{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      if (::bind(made.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0) bound = std::move(made);
      return {};
    });
    return bound;
  }

 private:
  OvsWorld(std::unique_ptr<ScratchNamespace> host, std::unique_ptr<ScratchNamespace> other)
      : host_{std::move(host)}, other_{std::move(other)} {}

  /// Without IPv6, whose own packets would be packets without a flow.
  [[nodiscard]] Result<void> prepare() {
    auto const supported = host_->run([]() -> Result<void> {
      auto const requests = datapath::odp::KernelRequests::open();
      return requests ? Result<void>{} : failure_of(requests);
    });
    if (!supported) return supported;
    constexpr auto kQuiet =
        "for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done 2>/dev/null";
    (void)host_->shell(kQuiet);
    (void)other_->shell(kQuiet);
    if (auto const made = host_->links().create_veth({.host_name = "under", .guest_name = "underp", .mtu = 1500});
        !made) {
      return made;
    }
    if (auto const moved = host_->links().change("underp", {.namespace_fd = other_->handle().fd()}); !moved) {
      return moved;
    }
    auto const configured = host_->shell("ip addr add 192.0.2.1/24 dev under && ip link set under up") == 0 &&
                            other_->shell("ip addr add 192.0.2.2/24 dev underp && ip link set underp up") == 0;
    if (!configured) return failure(ErrorKind::unavailable, "the underlay cannot be configured");
    wait_until_running("under");
    return {};
  }

  void wait_until_running(std::string const& device) {
    (void)host_->run([&]() -> Result<void> {
      UniqueFd const any{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
      ifreq request{};
      device.copy(request.ifr_name, IFNAMSIZ - 1);
      auto const is_running = [&] {
        return ::ioctl(any.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_RUNNING) != 0;
      };
      EXPECT_TRUE(watcher_.run_until(is_running)) << device;
      return {};
    });
  }
  [[nodiscard]] sockaddr_in address_of(Ipv4Address address) const {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(udp_port_);
    to.sin_addr.s_addr = htonl(address.value());
    return to;
  }
  [[nodiscard]] static bool is_of_suite(ByteView frame) {
    std::size_t offset = 12;
    while (frame.size() >= offset + 2) {
      auto const type = datapath::load_u16(frame, offset);
      if (type == 0x88b5) return true;
      if (type != 0x8100 && type != 0x88a8) return false;
      offset += 4;
    }
    return false;
  }

  std::unique_ptr<ScratchNamespace> host_;
  std::unique_ptr<ScratchNamespace> other_;
  PollWatcher watcher_;
  std::map<std::string, std::unique_ptr<PacketSocket>> sockets_;
  UniqueFd remote_socket_;
  std::uint16_t udp_port_ = 0;
};

} // namespace weave::test
