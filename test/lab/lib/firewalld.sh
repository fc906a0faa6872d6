# shellcheck shell=bash
# firewalld on a host, as its package installs it, with a message bus of the host's own.

# lab_firewalld_start HOST [BACK-END]: nftables or iptables. Ports of the mesh are open in its default zone.
lab_firewalld_start() {
  local start
  start=$(lab_now_ms)
  lab_exec "$1" sh -c "
    sed -i 's/^FirewallBackend=.*/FirewallBackend=${2:-nftables}/' /etc/firewalld/firewalld.conf
    test -S /run/dbus/system_bus_socket || { mkdir -p /run/dbus; dbus-daemon --system --fork --nopidfile --nosyslog; }
    grep -q 6783 /etc/firewalld/zones/public.xml 2>/dev/null ||
      firewall-offline-cmd --add-port=6783/tcp --add-port=6783/udp --add-port=6784/udp >/dev/null"
  lab_spawn "$1" firewalld firewalld --nofork --nopid
  lab_wait 20 "firewalld on $1 runs" lab_firewalld_runs "$1"
  lab_say "firewalld on $1 (${2:-nftables}) runs after $(lab_since "$start") s"
}

lab_firewalld_runs() { lab_exec "$1" firewall-cmd -q --state 2>/dev/null; } # HOST
lab_firewalld_stop() { lab_end "$1" firewalld TERM; }                    # HOST
