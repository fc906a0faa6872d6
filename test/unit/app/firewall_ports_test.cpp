#include "controller/app/firewall_ports.hpp"

#include <gtest/gtest.h>

namespace weave::controller {
namespace {

using Ports = std::vector<std::uint16_t>;

TEST(FirewallPorts, keep_containers_from_what_is_for_other_hosts) {
  Options options;
  options.port = 7000;
  auto const wish = firewall_of(options, "local");
  EXPECT_EQ(wish.tcp_ports, Ports{7000});
  EXPECT_EQ(wish.udp_ports, (Ports{7000, 7001})) << "sleeve and VXLAN";
  EXPECT_EQ(wish.docker_bridge, "docker0");
  EXPECT_EQ(wish.local_set, "local");
}

TEST(FirewallPorts, keep_loopback_ports_to_this_host) {
  Options options;
  options.http_addr = "127.0.0.1:6784";
  options.status_addr = "localhost:6782";
  options.metrics_addr = "127.0.0.1:6780";
  EXPECT_EQ(firewall_of(options, {}).loopback_ports, (Ports{6784, 6782, 6780}));
  options.metrics_addr.clear();
  options.http_addr = "unix:///run/x.sock";
  options.status_addr = "0.0.0.0:6782";
  EXPECT_TRUE(firewall_of(options, {}).loopback_ports.empty()) << "somebody wants it to be reached";
}

TEST(FirewallPorts, let_containers_ask_for_names_where_they_are_answered_on_the_bridge) {
  Options options;
  EXPECT_TRUE(firewall_of(options, {}).names);
  options.dns = false;
  EXPECT_FALSE(firewall_of(options, {}).names);
}

} // namespace
} // namespace weave::controller
