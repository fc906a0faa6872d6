#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <string>
#include <string_view>

#include "datapath/bpf/kernel_programs.hpp"
#include "datapath/bpf/tc_filter.hpp"
#include "test/system/bpf_case.hpp"

namespace weave::test {

/// What only the path with BPF does, or does in its own way.
class BpfKernel : public testing::Test {
 protected:
  void build(int hosts) {
    if (auto const reason = lab.build(hosts, implementation); !reason.empty()) GTEST_SKIP() << reason;
  }
  FastPathHost& a() { return lab.host(1); }
  FastPathHost& b() { return lab.host(2); }
  FastPathHost& c() { return lab.host(3); }
  static std::uint32_t program_on(FastPathHost& host, datapath::bpf::TcHook hook,
                                  std::string const& device = "vxlan-6784") {
    auto const link = host.net->links().find(device);
    if (!link) return 0;
    auto const id = datapath::bpf::attached_program(host.net->links().socket(), link->index, hook);
    return id && *id ? **id : 0;
  }
  static std::uint64_t statistic(FastPathHost& host, std::string_view name) {
    for (auto const& [key, value] : host.path->statistics()) {
      if (key == name) return value;
    }
    ADD_FAILURE() << name;
    return 0;
  }
  /// A VXLAN packet that host `from` makes up itself.
  static void forge(FastPathHost const& from, FastPathHost const& to, std::uint32_t vni, ByteView frame) {
    ByteWriter writer;
    writer.u32(0x08000000).u32(vni << 8).raw(frame);
    UniqueFd socket;
    (void)from.net->run([&]() -> Result<void> {
      socket.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      return {};
    });
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(FastPathHost::kUdpPort);
    address.sin_addr.s_addr = htonl(to.underlay_address().value());
    EXPECT_GT(::sendto(socket.get(), writer.bytes().data(), writer.size(), 0,
                       reinterpret_cast<sockaddr const*>(&address), sizeof address),
              0);
  }
  static std::uint32_t vni(ShortId source, ShortId destination) {
    return datapath::TunnelId{.source = source, .destination = destination}.vni();
  }

  FastPathCase implementation = bpf_case();
  FastPathLab lab;
};

} // namespace weave::test
