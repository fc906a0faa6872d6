# shellcheck shell=bash
# What scenarios of the kernel fast paths ask: which path a connection uses, and what really travels on the underlay.

readonly fastpath_mark=a5c3

# fastpath_kind: what this kernel is tested with where one kind is enough.
fastpath_kind() { if [[ -n ${LAB_INSIDE_UML:-} ]]; then echo openvswitch; else echo bpf; fi; }

# fastpath_line HOST NICKNAME: the line of its established connection to that peer; status 1: none.
fastpath_line() { lab_weave "$1" status connections | grep -E "^(->|<-) [^ ]+ +established .*\($2\)"; }

fastpath_uses() { fastpath_line "$2" "$3" | grep -q "established  *$1 "; } # OVERLAY HOST NICKNAME

# fastpath_wait SECONDS OVERLAY HOST NICKNAME: until the host uses that overlay to the peer. Prints how long it took.
fastpath_wait() {
  local start
  start=$(lab_now_ms)
  lab_within "$1" fastpath_uses "$2" "$3" "$4" ||
    lab_fail "$3 does not use $2 to $4 within $(($1 * LAB_TIME_SCALE)) s: $(fastpath_line "$3" "$4" || true) $(fastpath_why "$3" "$4" || true)"
  lab_say "$3 uses $2 to $4 after $(lab_since "$start") s"
}

# fastpath_both SECONDS OVERLAY HOST HOST: both ends. Nicknames are host names.
fastpath_both() {
  fastpath_wait "$1" "$2" "$3" "$4"
  fastpath_wait "$1" "$2" "$4" "$3"
}

# fastpath_stays OVERLAY HOST NICKNAME SECONDS: it is used, and still is after that time.
fastpath_stays() {
  local until=$(($(lab_now_ms) + $4 * 1000))
  while (($(lab_now_ms) < until)); do
    fastpath_uses "$1" "$2" "$3" || lab_fail "$2 does not stay on $1 to $3: $(fastpath_line "$2" "$3" || true)"
    lab_pause 0.2
  done
}

# fastpath_why HOST NICKNAME: why the preferred overlay is not in use, as status --json says it; empty: it is.
fastpath_why() {
  lab_weave "$1" status connections --json | python3 -c '
import json, sys
for connection in json.load(sys.stdin) or []:
    if connection["NickName"] == sys.argv[1] and connection["State"] == "established":
        print(connection["Explanation"])' "$2"
}

fastpath_short_id() { # HOST
  lab_weave "$1" report | python3 -c '
import json, sys
router = json.load(sys.stdin)["Router"]
print(next(peer["ShortID"] for peer in router["Peers"] if peer["Name"] == router["Name"]))'
}

# fastpath_capture HOST [INTERFACE]: begins to record what travels there.
fastpath_capture() {
  local name=tcpdump-${2:-eth0}
  rm -f -- "$LAB_DIR/hosts/$1/$name.pcap"
  lab_spawn "$1" "$name" tcpdump -i "${2:-eth0}" -n -s 300 --immediate-mode -U -Z root -w "$LAB_DIR/hosts/$1/$name.pcap" ip
  lab_wait 10 "$name on $1" grep -q 'listening on' "$LAB_DIR/logs/$1-$name.log"
}

# fastpath_captured HOST [INTERFACE]: ends that and prints what carried the marked packets (lib/capture.py).
fastpath_captured() {
  lab_pause 0.3
  lab_end "$1" "tcpdump-${2:-eth0}" INT
  python3 "$LAB_ROOT/lib/capture.py" "$LAB_DIR/hosts/$1/tcpdump-${2:-eth0}.pcap" "$fastpath_mark"
}

fastpath_count() { sed -n "s/^$1 //p" <<<"$2"; } # WHAT CAPTURED

# fastpath_mark_pings HOST CONTAINER ADDRESS COUNT [SIZE [INTERVAL]]: pings with the mark, all answered.
fastpath_mark_pings() {
  local out
  out=$(lab_container_net "$1" "$2" ping -n -q -c "$4" -i "${6:-0.05}" -W 2 -s "${5:-200}" -p "$fastpath_mark" "$3") || true
  grep -q " $4 received" <<<"$out" || lab_fail "marked pings from $2 on $1 to $3: $(grep received <<<"$out")"
}

# fastpath_carried WHAT CARRIER PACKETS CAPTURED: that many marked packets, and none by anything else.
fastpath_carried() {
  local kind
  for kind in vxlan sleeve other; do
    lab_equal "$1: marked packets by $kind" "$([[ $kind == "$2" ]] && echo "$3" || echo 0)" "$(fastpath_count "$kind" "$4")"
  done
}

# fastpath_vnis WHAT HOST HOST PACKETS CAPTURED: the tunnel ids are those of frames between these hosts, that many each way.
fastpath_vnis() {
  local first second
  first=$(fastpath_short_id "$2")
  second=$(fastpath_short_id "$3")
  lab_equal "$1: tunnel ids" \
    "$(printf 'vni %#x %d\n' $((first << 12 | second)) "$4" $((second << 12 | first)) "$4" | sort)" \
    "$(grep '^vni ' <<<"$5" | sort)"
}

# fastpath_proof HOST CONTAINER HOST CONTAINER: what tcpdump sees of pings between them is VXLAN with the right tunnel ids and nothing else.
fastpath_proof() {
  local captured address
  address=$(lab_container_address "$3" "$4")
  fastpath_capture "$1"
  fastpath_mark_pings "$1" "$2" "$address" 20
  captured=$(fastpath_captured "$1")
  fastpath_carried "$2 ($1) to $4 ($3)" vxlan 40 "$captured"
  fastpath_vnis "$2 ($1) to $4 ($3)" "$1" "$3" 20 "$captured"
  lab_say "$2 ($1) to $4 ($3): $(tr '\n' ' ' <<<"$captured")"
}

# fastpath_cheap WHAT HOST COMMAND...: what the command does for 400 packets costs that host hardly any upcalls (heartbeats are some).
fastpath_cheap() {
  local what=$1 host=$2 before upcalls
  shift 2
  command -v ovs-dpctl >/dev/null && lab_exec "$host" ovs-dpctl dump-dps 2>/dev/null | grep -q datapath || return 0
  before=$(fastpath_missed "$host")
  "$@"
  upcalls=$(($(fastpath_missed "$host") - before))
  lab_say "$what: $upcalls upcalls on $host"
  ((upcalls < 60)) || lab_fail "$what: $upcalls upcalls on $host"
}

fastpath_missed() { lab_exec "$1" ovs-dpctl show | sed -nE 's/.*lookups:.*missed:([0-9]+).*/\1/p'; } # HOST

fastpath_bytes() { lab_exec "$1" cat "/sys/class/net/vxlan-6784/statistics/tx_bytes"; } # HOST

# fastpath_transfer HOST CONTAINER HOST CONTAINER: TCP for two seconds; the VXLAN device carries all of it.
fastpath_transfer() {
  local before after result address
  address=$(lab_container_address "$3" "$4")
  lab_spawn "$3" "iperf-$4" nsenter --target "$(lab_container_pid "$3" "$4")" --net iperf3 -s -1 --forceflush
  lab_wait 10 'iperf3 listens' grep -q 'listening' "$LAB_DIR/logs/$3-iperf-$4.log"
  before=$(fastpath_bytes "$1")
  result=$(lab_container_net "$1" "$2" iperf3 -J -t 2 -c "$address") || lab_fail "iperf3 from $2 to $4: $(grep -o '"error".*' <<<"$result")"
  after=$(fastpath_bytes "$1")
  python3 -c '
import json, sys
end = json.load(sys.stdin)["end"]
sent, rate, device = end["sum_sent"]["bytes"], end["sum_received"]["bits_per_second"] / 1e6, int(sys.argv[2]) - int(sys.argv[1])
print(f"{rate:.0f} Mbit/s, {100 * device / sent:.0f} % of its bytes by vxlan-6784")
sys.exit(device < 0.95 * sent)' "$before" "$after" <<<"$result" >"$LAB_DIR/transfer" || lab_fail "TCP from $2 to $4: $(<"$LAB_DIR/transfer")"
  lab_say "TCP $2 ($1) to $4 ($3): $(<"$LAB_DIR/transfer")"
}

# fastpath_broadcasts HOST:CONTAINER HOST:CONTAINER...: what the first one broadcasts reaches each of the others exactly once.
fastpath_broadcasts() {
  local from=$1 pair name log
  shift
  for pair in "$@"; do
    name=broadcast-${pair#*:}
    lab_spawn "${pair%%:*}" "$name" nsenter --target "$(lab_container_pid "${pair%%:*}" "${pair#*:}")" --net \
      python3 "$LAB_ROOT/lib/broadcast.py" receive 7777
    lab_wait 10 "$name listens" grep -q ready "$LAB_DIR/logs/${pair%%:*}-$name.log"
  done
  lab_container_net "${from%%:*}" "${from#*:}" python3 "$LAB_ROOT/lib/broadcast.py" send 7777 10 "from-${from#*:}" 10.47.255.255
  for pair in "$@"; do
    log=$LAB_DIR/logs/${pair%%:*}-broadcast-${pair#*:}.log
    lab_within 5 eval "((\$(grep -c from- '$log') >= 10))" || true
  done
  lab_pause 0.5
  for pair in "$@"; do
    log=$LAB_DIR/logs/${pair%%:*}-broadcast-${pair#*:}.log
    lab_equal "broadcasts of ${from#*:} at ${pair#*:}" '10 different, 10 in all' \
      "$(grep from- "$log" | sort -u | wc -l) different, $(grep -c from- "$log" || true) in all"
    lab_end "${pair%%:*}" "broadcast-${pair#*:}" KILL
  done
  lab_say "broadcasts of ${from#*:} reach each of $* once"
}

# fastpath_flows HOST HOST: weave status flows shows flows in the notation of ovs-dpctl, with these peers beside tunnel ids.
fastpath_flows() {
  local flows
  flows=$(lab_weave "$1" status flows)
  lab_match "status flows of $1" 'packets:[1-9][0-9]*, bytes:[0-9]+, (used:[0-9.]+s, )?actions:' "$flows"
  lab_match "status flows of $1" "# .*tun_id=0x[0-9a-f]+: [0-9a-f:]{17}\($1\)->[0-9a-f:]{17}\($2\)" "$flows"
  lab_weave "$1" status flows --json | python3 -c '
import json, sys
flows = json.load(sys.stdin)["Flows"]
assert any(flow["Packets"] > 0 for flow in flows), flows' || lab_fail "status flows --json of $1"
  lab_say "status flows of $1: $(wc -l <<<"$flows") flows, such as: $(grep -m 1 tun_id <<<"$flows" | cut -c 1-300)"
}
