# shellcheck shell=bash
# lab: the path of sleeve narrows, said by a router or in silence, and widens again: TCP under way does not stall
# needs: weave python3 ss ping iperf3
# kernel: host
# limit: 120
# catalogue: 105 190

lab_underlay west
lab_underlay east
lab_host_create hosta 192.0.2.1 west
lab_host_create router 192.0.2.254 west
lab_attach router east 198.51.100.254
lab_host_create hostb 198.51.100.2 east
lab_exec router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
lab_exec hosta ip route add 198.51.100.0/24 via 192.0.2.254
lab_exec hostb ip route add 192.0.2.0/24 via 198.51.100.254

lab_wire hosta
lab_wire router 0
lab_wire router 1
lab_wire hostb

launch() { lab_weave_launch "$1" --docker-api= --plugin=false --fast-path=none "${@:2}"; }
WEAVE_NO_FASTDP=1 lab_weave_launch hosta --docker-api= --plugin=false
launch hostb 192.0.2.1
lab_weave_connected 1 hosta hostb
lab_exec hosta weave expose 10.32.0.1/24 >/dev/null
lab_exec hostb weave expose 10.32.0.2/24 >/dev/null

has_mtu() { lab_weave "$1" status connections | grep -qE " mtu=$2( |$)"; } # HOST PATTERN

# becomes WHAT SECONDS HOST MTU
becomes() {
  local start
  start=$(lab_now_ms)
  lab_within "$2" has_mtu "$3" "$4" ||
    lab_fail "$1: mtu of $3 is not $4 within $2 s: $(lab_weave "$3" status connections) $(tail -n 4 "$(lab_weave_log "$3")")"
  lab_say "$1: mtu of $3 is $4 after $(lab_since "$start") s"
}

# segment_mtu: what the transfer under way sends for now.
segment_mtu() { lab_exec hosta ss -Htni dst 10.32.0.2 | grep -oE 'pmtu:[0-9]+' | sort -u | tr '\n' ' '; }

# Each second of the transfer is ten lines of the receiver, which tell how long nothing came.
transfer_start() { # NAME
  lab_spawn hostb "$1" iperf3 -s -1 -i 0.1 --forceflush -B 10.32.0.2
  lab_wait 10 'iperf3 listens' grep -q listening "$LAB_DIR/logs/hostb-$1.log"
  lab_spawn hosta "$1" iperf3 -c 10.32.0.2 -t 60 -b 100M
  lab_wait 10 'data flows' flows "$1" 5
}
flows() { (($(grep -cE 'sec +[1-9][0-9.]* [KMG]?Bytes' "$LAB_DIR/logs/hostb-$1.log") >= $2)); }
flows_on() { lab_wait 5 'data flows on' flows "$1" $(($(grep -cE 'sec +[1-9][0-9.]* [KMG]?Bytes' "$LAB_DIR/logs/hostb-$1.log") + 5)); }
transfer_end() {
  local stall
  lab_end hosta "$1" INT
  stall=$(awk '/ sec / && !/sender|receiver/ { if (/ 0\.00 Bytes/) { if (++now > longest) longest = now } else now = 0 }
    END { print longest * 100 }' "$LAB_DIR/logs/hostb-$1.log")
  lab_say "$1: longest time without data $stall ms"
  lab_at_most "$1: time without data" 2000 "$stall"
}

becomes 'at first' 3 hosta 1438
becomes 'at first' 3 hostb 1438
transfer_start icmp
lab_say "segments of the transfer: $(segment_mtu)"
lab_exec router ip link set eth1 mtu 1300
becomes 'router at 1300 says so' 2 hosta 1238
flows_on icmp
lab_say "segments of the transfer: $(segment_mtu)"
lab_exec router ip link set eth1 mtu 1500
becomes 'router at 1500' 7 hosta 1438
flows_on icmp
transfer_end icmp

# A switch may let the length of a VLAN tag pass beyond its MTU.
transfer_start black-hole
lab_say "segments of the transfer: $(segment_mtu)"
lab_black_hole_mtu hostb 1300
lab_case 105 190
becomes 'longer packets vanish' 2 hosta '12(38|42)'
flows_on black-hole
lab_say "segments of the transfer: $(segment_mtu)"
large() { lab_exec hosta ping -n -q -c 1 -W 1 -s 10000 10.32.0.2 >/dev/null; }
lab_wait 5 '10 kB pass where larger packets are dropped' large
lab_case 190
lab_black_hole_mtu hostb 1500
becomes 'they pass again' 7 hosta 1438
flows_on black-hole
transfer_end black-hole

lab_case
# IPv6: nobody but the sender may cut, and it is told.
for host in hosta hostb; do
  lab_exec "$host" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/weave/disable_ipv6'
done
lab_exec hosta ip address add fd00::1/64 dev weave nodad
lab_exec hostb ip address add fd00::2/64 dev weave nodad
ping6() { lab_exec hosta ping -6 -n -q -c 1 -W 1 -M "do" -s "$1" fd00::2; } # PAYLOAD
lab_wait 5 'IPv6 passes' ping6 1328
lab_black_hole_mtu hostb 1400
becomes_told() {
  ping6 1328
  lab_exec hosta ip -6 route get fd00::2 | grep -qE ' mtu 13(38|42) '
}
lab_wait 5 'the sender of IPv6 is told' becomes_told
in_fragments() { lab_exec hosta ping -6 -n -q -c 1 -W 1 -s 1320 fd00::2 >/dev/null; }
lab_wait 5 'IPv6 passes in fragments' in_fragments
lab_say "IPv6: $(lab_exec hosta ip -6 route get fd00::2 | grep -o ' mtu [0-9]*')"

# All of this passes by one port of the bridge, which others can switch off or take away.
passes() { lab_exec hosta ping -n -q -c 1 -W 1 10.32.0.2 >/dev/null; }
for harm in down nomaster; do
  lab_exec hosta ip link set vethwe-user "$harm"
  lab_wait 5 "packets pass after 'ip link set vethwe-user $harm'" passes
done
