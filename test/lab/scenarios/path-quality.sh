# shellcheck shell=bash
# lab: a wire of 20 ms each way that loses every fifth packet: round trip and loss of fastdp and of sleeve, in metrics and status, and 0 again
# needs: weave curl ping python3
# kernel: host
# limit: 90

# A is at one end of the slow wire, B (fastdp with A) and C (sleeve with all) are at the other.
lab_underlay west
lab_underlay east
lab_host_create hosta 192.0.2.1 west
lab_host_create wire 198.51.100.1 west
lab_attach wire east 203.0.113.1
lab_host_create hostb 192.0.2.2 east
lab_host_create hostc 192.0.2.3 east
lab_spawn wire delay python3 "$LAB_ROOT/lib/delay.py" 20 eth0 eth1
lab_wait 10 'the wire is ready' grep -q ready "$LAB_DIR/logs/wire-delay.log"

lab_weave_launch hosta --docker-api= --plugin=false --fast-path=bpf
lab_weave_launch hostb --docker-api= --plugin=false --fast-path=bpf 192.0.2.1
lab_weave_launch hostc --docker-api= --plugin=false --fast-path=none 192.0.2.1
fastpath_both 10 fastdp hosta hostb
fastpath_both 10 sleeve hosta hostc

# figure HOST METRIC PATH NICKNAME: what /metrics tells of a path to a neighbour; nothing if it does not.
figure() {
  lab_exec "$1" curl -sf http://127.0.0.1:6782/metrics |
    sed -nE "s/^weave_path_$2\{nickname=\"$4\",path=\"$3\",peer=\"[0-9a-f:]{17}\"\} //p"
}
# is HOST METRIC PATH NICKNAME CONDITION-ON-X
is() { python3 -c 'import sys; x = float(sys.argv[1]); sys.exit(not eval(sys.argv[2]))' "$(figure "${@:1:4}")" "$5" 2>/dev/null; }
# becomes SECONDS HOST METRIC PATH NICKNAME CONDITION
becomes() {
  lab_within "$1" is "${@:2}" || lab_fail "$3 of $4 from $2 to $5: $(figure "${@:2:4}"), not $6"
  lab_say "$3 of $4 from $2 to $5: $(figure "${@:2:4}")"
}

# Compared with what ping finds on the underlay.
ping=$(lab_exec hosta ping -q -c 5 -i 0.2 192.0.2.2 | sed -nE 's|^rtt .* = [0-9.]+/([0-9.]+)/.*|\1|p')
lab_say "ping from hosta to hostb: $ping ms"
for pair in hosta:fastdp:hostb hostb:fastdp:hosta hosta:sleeve:hostc hostc:sleeve:hosta; do
  IFS=: read -r host path nickname <<<"$pair"
  becomes 15 "$host" round_trip_seconds "$path" "$nickname" "$ping * 0.9e-3 < x < $ping * 1.5e-3"
  is "$host" loss_ratio "$path" "$nickname" 'x == 0' || lab_fail "loss of $path from $host to $nickname without loss: $(figure "$host" loss_ratio "$path" "$nickname")"
done
becomes 5 hostb round_trip_seconds sleeve hostc '0 < x < 0.01'
# The path not in use is looked at now and then only.
is hosta probes_sent_total sleeve hostb 'x < 10' || lab_fail "probes of sleeve beside fastdp: $(figure hosta probes_sent_total sleeve hostb)"

# Of the probes alone, told by their length, so that it is every fifth of them for certain.
lab_exec hosta nft -f - <<'RULES'
table inet lab_loss {
  chain in {
    type filter hook input priority -300
    ip saddr 192.0.2.2 udp dport 6784 ip length 1426 numgen inc mod 5 0 drop
    ip saddr 192.0.2.3 udp dport 6783 ip length 92 numgen inc mod 5 0 drop
  }
}
RULES
for pair in fastdp:hostb sleeve:hostc; do
  IFS=: read -r path nickname <<<"$pair"
  becomes 15 hosta probes_lost_total "$path" "$nickname" 'x >= 4'
  becomes 5 hosta loss_ratio "$path" "$nickname" '0.15 < x < 0.25'
  becomes 5 "$nickname" outbound_loss_ratio "$path" hosta '0.15 < x < 0.25'
  becomes 1 "$nickname" loss_ratio "$path" hosta 'x == 0'
  for pair in "hosta:$nickname" "$nickname:hosta"; do
    lab_match "status connections of ${pair%:*}" " established $path .* mtu=1[0-9]{3} loss=(1[6-9]|2[0-4])% rtt=[4-6][0-9](\.[0-9])?ms$" "$(fastpath_line "${pair%:*}" "${pair#*:}")"
  done
done
lab_match 'status connections --json' '"loss": ?"[12][0-9]%"' "$(lab_weave hosta status connections --json)"
lab_exec hosta nft delete table inet lab_loss
for pair in hosta:fastdp:hostb hosta:sleeve:hostc; do
  IFS=: read -r host path nickname <<<"$pair"
  becomes 15 hosta loss_ratio "$path" "$nickname" 'x == 0'
  becomes 5 "$nickname" outbound_loss_ratio "$path" hosta 'x == 0'
done
