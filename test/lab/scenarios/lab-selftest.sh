# shellcheck shell=bash
# lab: the lab itself: hosts, faults, engines, a remote driver between two hosts; needs no weave
# needs: docker python3 nft ping
# limit: 120

selftest_hosts() {
  lab_host_create red 192.0.2.1
  lab_host_create blue 192.0.2.2
  lab_equal 'host name' red "$(lab_exec red hostname)"
  [[ $(lab_exec red cat /etc/machine-id) != "$(lab_exec blue cat /etc/machine-id)" ]] || lab_fail 'the hosts share a machine id'
  lab_exec red mkdir -p /run/weave /var/lib/weave
  lab_exec blue test ! -e /run/weave || lab_fail 'the hosts share /run'
  lab_exec red ping -c 1 -W 2 127.0.0.1 >/dev/null
  lab_exec red ping -c 2 -i 0.2 -W 2 192.0.2.2 >/dev/null
  lab_match 'interfaces in /sys' eth0 "$(lab_exec red ls /sys/class/net)"
  lab_absent 'processes of another host' host_init.sh.blue "$(lab_exec red ps -eo args)"
}

selftest_faults() {
  lab_link_down blue
  ! lab_exec red ping -c 1 -W 1 192.0.2.2 >/dev/null || lab_fail 'ping over a link that is down'
  lab_link_up blue
  lab_wait 5 'ping after link up' lab_exec red ping -c 1 -W 1 192.0.2.2
  lab_unplug blue
  lab_wait 5 'carrier lost' eval 'lab_exec blue ip link show dev eth0 | grep -q NO-CARRIER'
  lab_plug_in blue
  lab_wait 5 'ping after plugging in' lab_exec red ping -c 1 -W 1 192.0.2.2
  lab_mtu blue 1400
  lab_exec red ping -c 1 -W 2 -s 1300 192.0.2.2 >/dev/null
  lab_mtu blue 1500
  lab_black_hole_mtu blue 1400
  ! lab_exec red ping -c 1 -W 1 -s 1472 -M "do" 192.0.2.2 >/dev/null || lab_fail 'a long frame passed the black hole'
  lab_black_hole_mtu blue 1500
  lab_exec red ping -c 1 -W 2 -s 1472 -M "do" 192.0.2.2 >/dev/null
  lab_spawn blue victim sleep 1000
  lab_alive blue victim
  lab_end blue victim KILL
}

selftest_udp_block() {
  local fault
  for fault in open blocked open; do
    [[ $fault == open ]] || lab_block_udp blue 6784
    lab_spawn blue listener python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 6784)); print(s.recv(9).decode())"
    lab_wait 5 'listener' eval "lab_exec blue grep -q ':1A80 ' /proc/net/udp"
    lab_exec red python3 -c "
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'heard', ('192.0.2.2', 6784))"
    if [[ $fault == open ]]; then
      lab_wait 5 'a datagram arrives' grep -q heard "$LAB_DIR/logs/blue-listener.log"
    else
      ! LAB_TIME_SCALE=1 lab_within 1 grep -q heard "$LAB_DIR/logs/blue-listener.log" || lab_fail 'a blocked datagram arrived'
      lab_unblock_udp blue 6784
    fi
    lab_end blue listener KILL
  done
}

selftest_engines() {
  lab_dockerd_start red blue
  lab_image_load red blue
  lab_equal "a container on the engine's own bridge" 172.17.0.2 \
    "$(lab_docker red run --rm busybox:lab sh -c 'ping -q -c 1 -W 2 172.17.0.1 >/dev/null && hostname -i')"
}

# Two hosts whose bridges lab0 share a wire of their own: what weave does with its tunnel.
selftest_remote_driver() {
  local host first=1
  lab_underlay wire
  for host in red blue; do
    lab_attach "$host" wire
    lab_exec "$host" ip link add lab0 type bridge
    lab_exec "$host" ip link set eth1 master lab0
    lab_exec "$host" ip link set lab0 up
    lab_spawn "$host" driver python3 "$LAB_ROOT/lib/fake_driver.py" --socket /run/docker/plugins/labprobe.sock --bridge lab0 --first $first
    first=$((first + 100))
    lab_wait 10 'driver socket' lab_exec "$host" test -S /run/docker/plugins/labprobe.sock
    lab_docker "$host" network create --driver labprobe --ipam-driver labprobe labnet >/dev/null
    lab_container_start "$host" "c-$host" --net=labnet
  done
  if [[ $LAB_DOCKER_IPTABLES == true ]]; then
    if lab_docker red exec c-red ping -q -c 1 -W 1 10.99.0.101 >/dev/null; then
      lab_say 'frames across a bridge are not filtered by the FORWARD chain here'
    else
      lab_say "an engine's FORWARD policy drops bridged frames here: a driver needs an ACCEPT rule for its bridge"
    fi
    for host in red blue; do lab_exec "$host" iptables -I FORWARD -i lab0 -o lab0 -j ACCEPT; done
  fi
  lab_equal 'address' 10.99.0.101 "$(lab_container_address blue c-blue labnet)"
  lab_ping red c-red 10.99.0.101 64 1400 10000
  lab_ping blue c-blue 10.99.0.1 64
  lab_match 'interfaces of a container' 'lab0.*10\.99\.0\.1/16' "$(lab_container_net red c-red ip -o -4 address)"
  lab_match 'interfaces of a container' 'eth0' "$(lab_container_net red c-red ip -o -4 address)"
  lab_exec red ip link show dev docker_gwbridge >/dev/null
}

selftest_power() {
  lab_exec blue touch /var/lib/remains /run/vanishes
  lab_host_power_off blue
  lab_host_power_on blue
  lab_exec blue test -e /var/lib/remains
  lab_exec blue test ! -e /run/vanishes
  lab_wait 5 'ping after power on' lab_exec red ping -c 1 -W 1 192.0.2.2
}

selftest_hosts
selftest_faults
selftest_udp_block
selftest_engines
selftest_remote_driver
selftest_power
