# shellcheck shell=bash
# lab: with a password VXLAN travels as ESP only, by both kernel fast paths, whatever becomes of firewall, keys and daemons
# needs: weave tcpdump python3 ip ping iperf3 iptables
# kernel: uml
# limit: 120
# catalogue: 111

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_host_create hostc 192.0.2.3
secret=correct-horse
recording=
declare -A address=([hosta]=10.2.1.1 [hostb]=10.2.1.2) kind=([hosta]=openvswitch [hostb]=bpf)

# The hosts themselves are in the overlay; one of them has Open vSwitch, the other BPF.
launch() { # HOST [ARGUMENT...]
  lab_weave_launch "$1" --password "$secret" --fast-path="${kind[$1]}" --no-dns "${@:2}"
  lab_exec "$1" weave expose "${address[$1]}/24" >/dev/null
}
uses_fastdp() { lab_weave "$2" status connections | grep -qE "established +$1 +fastdp .*mtu=1376( |$)"; }
both_use_fastdp() { # encrypted|unencrypted
  local host
  for host in hosta hostb; do
    lab_within 15 uses_fastdp "$1" "$host" || lab_fail "no $1 fastdp on $host: $(lab_weave "$host" status connections)"
  done
}
associations() { lab_exec "$1" ip xfrm state | grep -c '^src'; }
has_associations() { [[ $(associations "$1") == "$2" ]]; } # HOST COUNT
# A daemon that starts again finds its host's own address in the overlay as well, and blocks it.
policies() { lab_exec "$1" ip xfrm policy | grep '^src' | grep -vc '^src 10\.2\.'; }
tunnel_rx() { lab_exec hostb cat /sys/class/net/vxlan-6784/statistics/rx_packets; }
refused() { lab_exec hostb sed -nE 's/^XfrmInTmplMismatch[[:space:]]+//p' /proc/net/xfrm_stat; }
ends_with_nothing() { # HOST AFTER
  lab_equal "associations on $1 after $2" 0 "$(associations "$1")"
  lab_equal "policies on $1 after $2" "" "$(lab_exec "$1" ip xfrm policy)"
  lab_absent "rules on $1 after $2" '^-A' "$(lab_exec "$1" iptables-save -t mangle)"
}
# disturb WHAT COMMAND...: done while pings run, which then are answered again within 5 s, and never clear.
disturb() {
  local what=$1 moment
  shift
  moment=$(lab_now_ms)
  "$@" || lab_fail "$what: '$*' failed"
  lab_pinger_more traffic 25 20
  lab_say "$what: longest silence $(lab_pinger_silence traffic "$moment") ms"
  lab_at_most "silence after $what" 5000 "$(lab_pinger_silence traffic "$moment")"
  nothing_clear "$what"
}
# nothing_clear AFTER: since the recording of VXLAN began.
nothing_clear() { [[ -z $recording ]] || lab_equal "clear VXLAN packets after $1" 0 "$(clear_packets)"; }
clear_packets() { tcpdump -n -r "$LAB_DIR/clear.pcap" 2>/dev/null | wc -l; }
flush_firewalls() {
  local host table
  for host in hosta hostb; do
    for table in filter nat mangle raw; do
      lab_exec "$host" iptables -t "$table" -F
      lab_exec "$host" iptables -t "$table" -X
    done
    lab_exec "$host" nft flush ruleset 2>/dev/null || true
  done
}
new_daemon() { [[ $(lab_weave_pid hosta) != "$1" ]]; }
kill_daemon() {
  local pid
  pid=$(lab_weave_pid hosta)
  lab_exec hosta kill -KILL "$pid"
  lab_wait 10 'another weaver on hosta' new_daemon "$pid"
}

lab_case 111
launch hosta
launch hostb 192.0.2.1
both_use_fastdp encrypted
lab_match 'status' 'Encryption: enabled$' "$(lab_weave hosta status)"
lab_spawn hosta clear tcpdump -i eth0 -n -U -Z root --immediate-mode -w "$LAB_DIR/clear.pcap" udp port 6784
lab_wait 10 'tcpdump' grep -q 'listening on' "$LAB_DIR/logs/hosta-clear.log"
recording=yes

# What containers send can be read nowhere, and all of it is ESP.
fastpath_capture hosta
lab_exec hosta ping -n -q -c 20 -i 0.05 -s 1000 -p "$fastpath_mark" "${address[hostb]}" >/dev/null
lab_exec hosta ping -n -q -c 5 -i 0.05 -s 1348 -M 'do' "${address[hostb]}" >/dev/null
captured=$(fastpath_captured hosta)
for carrier in vxlan sleeve other; do lab_equal "readable packets by $carrier" 0 "$(fastpath_count "$carrier" "$captured")"; done
lab_exec hostb iperf3 -s -D -1
rate=$(lab_exec hosta iperf3 -J -t 2 -c "${address[hostb]}" |
  python3 -c 'import json, sys; print(round(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e6))')
lab_say "TCP from Open vSwitch to BPF, encrypted: $rate Mbit/s"

# Clear VXLAN is not taken, from a stranger or in the name of a peer.
taken=$(tunnel_rx)
before=$(refused)
lab_exec hostc python3 - <<'PYTHON'
import socket, struct
ids = 1 << 12 | 2
frame = b"\xff" * 6 + b"\x02\0\0\0\0\x09" + b"\x08\x00" + bytes(46)
vxlan = struct.pack("!II", 0x08000000, ids << 8) + frame
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for source in ("192.0.2.3", "192.0.2.1"):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(vxlan), 0, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton("192.0.2.2"))
    raw.sendto(header + struct.pack("!HHHH", 40000, 6784, 8 + len(vxlan), 0) + vxlan, ("192.0.2.2", 0))
PYTHON
both_refused() { (($(refused) >= before + 2)); }
lab_wait 5 'clear packets are refused' both_refused
lab_say "clear VXLAN from others: $(($(refused) - before)) refused ($(($(tunnel_rx) - taken)) packets by the tunnel meanwhile)"

lab_pinger_spawn traffic hosta "${address[hostb]}" 0.02
lab_pinger_more traffic 10
disturb 'all firewalls flushed' flush_firewalls
disturb 'associations of hosta flushed' lab_exec hosta ip xfrm state flush
disturb 'associations of hostb flushed' lab_exec hostb ip xfrm state flush
disturb 'kill -KILL of weaver on hosta' kill_daemon
both_use_fastdp encrypted
for host in hosta hostb; do
  lab_wait 8 "two associations on $host" has_associations "$host" 2
  lab_equal "policies on $host" 3 "$(policies "$host")"
done

lab_weave hosta stop
lab_pause 0.3
ends_with_nothing hosta 'weave stop'
launch hosta --no-restart
lab_pinger_more traffic 10 20
both_use_fastdp encrypted
nothing_clear 'another launch'

# After a crash without the password: what the kernel still forwards by was to be encrypted.
lab_exec hosta kill -KILL "$(lab_weave_pid hosta)"
lab_weave_launch hosta --fast-path="${kind[hosta]}" --no-dns
lab_exec hosta ping -n -q -c 20 -i 0.05 "${address[hostb]}" >/dev/null || true
nothing_clear 'a launch without the password'
lab_weave hosta stop
launch hosta
lab_pinger_more traffic 10 20
both_use_fastdp encrypted
recording=
disturb 'policies of hosta flushed' lab_exec hosta ip xfrm policy flush
lab_equal 'policies on hosta' 3 "$(policies hosta)"
lab_pinger_stop traffic
lab_weave hosta reset
ends_with_nothing hosta 'weave reset'
lab_wait 10 "no association with a peer that was reset" has_associations hostb 0
lab_weave hostb reset
ends_with_nothing hostb 'weave reset'

lab_case
# Peers that trust the network between them.
launch hosta --trusted-subnets 192.0.2.0/24
launch hostb --trusted-subnets 192.0.2.0/24 192.0.2.1
both_use_fastdp unencrypted
fastpath_capture hosta
lab_exec hosta ping -n -q -c 10 -i 0.05 -p "$fastpath_mark" "${address[hostb]}" >/dev/null
fastpath_carried 'between hosts that trust each other' vxlan 20 "$(fastpath_captured hosta)"
(($(clear_packets) >= 20)) || lab_fail 'what should have shown clear packets does not record any'
