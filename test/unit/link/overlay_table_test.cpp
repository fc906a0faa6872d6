#include <gtest/gtest.h>

#include "datapath/link/foreign_tables.hpp"
#include "datapath/link/overlay_table_script.hpp"

namespace weave::datapath {
namespace {

Exposure exposure(char const* text, bool masquerade = true) {
  return {.address = Ipv4Cidr::parse(text).value(), .masquerade = masquerade};
}

constexpr auto kAnew = "add table inet weave\ndelete table inet weave\n";

TEST(OverlayTable, drops_what_is_not_for_containers_nor_for_other_hosts) {
  FirewallWish const wish{.bridge = "weave",
                          .docker_bridge = "docker0",
                          .exposures = {},
                          .tcp_ports = {6783},
                          .udp_ports = {6783, 6784},
                          .loopback_ports = {6784, 6782},
                          .names = true,
                          .container_bridges = {"br-0123456789ab"}};
  EXPECT_EQ(overlay_table_script(wish), std::string{kAnew} +
                                            R"(table inet weave {
  set container_bridges { type ifname; elements = { "br-0123456789ab", "docker0", "weave" } }
  set host_tcp_ports { type inet_service; elements = { 6783 } }
  set host_udp_ports { type inet_service; elements = { 6783, 6784 } }
  set loopback_ports { type inet_service; elements = { 6784, 6782 } }
  chain input {
    type filter hook input priority -10; policy accept;
    iifname @container_bridges tcp dport @host_tcp_ports drop comment "for other hosts, not for containers"
    iifname @container_bridges udp dport @host_udp_ports drop comment "for other hosts, not for containers"
    iifname != "lo" ip daddr 127.0.0.0/8 tcp dport @loopback_ports drop comment "control and status, for this host alone"
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    iifname "docker0" oifname "weave" drop comment "Docker's bridge does not reach the overlay"
  }
}
)");
  EXPECT_EQ(count_overlay_rules(overlay_table_script(wish)), 4U);
}

TEST(OverlayTable, masquerades_what_is_exposed) {
  FirewallWish wish{.bridge = "weave",
                    .docker_bridge = {},
                    .exposures = {exposure("10.2.1.254/24"), exposure("10.2.2.254/24", false)},
                    .local_set = "weaver-no-masq-local",
                    .local_ranges = {Ipv4Cidr::parse("10.2.0.0/17").value()},
                    .keep_sources = true};
  EXPECT_EQ(overlay_table_script(wish), std::string{kAnew} +
                                            R"(table inet weave {
  set container_bridges { type ifname; elements = { "weave" } }
  set local_ranges { type ipv4_addr; flags interval; auto-merge; elements = { 10.2.0.0/17 } }
  chain postrouting {
    type nat hook postrouting priority 101; policy accept;
    oifname "weave" return comment "weave attach-bridge: sources are kept"
    ip daddr @local_ranges return comment "no SNAT to containers of this host"
    ip saddr 10.2.1.0/24 ip daddr 224.0.0.0/4 return comment "multicast stays as it is"
    ip daddr 10.2.1.0/24 ip saddr != 10.2.1.0/24 masquerade comment "weave expose: into it"
    ip saddr 10.2.1.0/24 ip daddr != 10.2.1.0/24 masquerade comment "weave expose: out of it"
  }
}
)");
  wish.exposures.erase(wish.exposures.begin());
  EXPECT_EQ(overlay_table_script(wish).find("type nat"), std::string::npos) << "no tracking of connections for nothing";
}

TEST(ForeignTables, are_those_that_matter) {
  auto const found = read_foreign_tables(R"(table ip docker-bridges {
	chain filter-FORWARD {
		type filter hook forward priority filter; policy accept;
	}
}
table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
}
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy drop;
	}
}
table inet firewalld_policy_drop {
	chain filter_forward {
		type filter hook forward priority filter; policy drop;
	}
}
table bridge weave {
	chain x {
		type filter hook forward priority filter; policy drop;
	}
}
)");
  EXPECT_TRUE(found.docker);
  EXPECT_TRUE(found.firewalld);
  EXPECT_EQ(found.closed, std::vector<std::string>{"inet filter forward"});
  EXPECT_EQ(read_foreign_tables(""), ForeignTables{});
}

} // namespace
} // namespace weave::datapath
