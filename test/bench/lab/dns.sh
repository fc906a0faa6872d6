# shellcheck shell=bash
# lab: questions on 10 000 names to the daemon, dnsmasq and unbound, each on one core: how many, how quick
# needs: weave ss python3 dnsperf dnsmasq unbound taskset chrt
# kernel: host
# limit: 300

source "$LAB_ROOT/scenarios/lib/figures.sh"

count=${BENCH_NAMES:-10000}
results=$LAB_DIR/results
mkdir -p "$results"
(($(nproc) >= 2)) || lab_skip 'needs one processor for the server and one for the client'

# The client is one cable away; the servers have an address each and wait idly while another one is asked.
lab_host_create hosta 192.0.2.1
lab_exec hosta ip netns add client
lab_exec hosta ip link add to-client type veth peer name eth0 netns client
declare -A address=([weave]=198.51.100.1 [dnsmasq]=198.51.100.2 [unbound]=198.51.100.3) pid=()
for server in "${!address[@]}"; do lab_exec hosta ip address add "${address[$server]}/24" dev to-client; done
lab_exec hosta ip link set to-client up
lab_exec hosta ip -n client address add 198.51.100.9/24 dev eth0
lab_exec hosta ip -n client link set eth0 up

lab_weave_launch hosta --no-discovery --docker-api= --plugin=false --dns-listen-address="${address[weave]}:53"
python3 "$LAB_ROOT/scenarios/lib/name_queries.py" "$count" "$results"
start=$(lab_now_ms)
lab_exec hosta python3 "$LAB_ROOT/scenarios/lib/name_queries.py" "$count" --weave /run/weave/control.sock
bench_figure 'dns: a name told to the daemon' "$(awk -v ms=$(($(lab_now_ms) - start)) -v count="$count" 'BEGIN { print ms / count }')" \
  ms 'the design' 5
cat >"$results/unbound.conf" <<END
server:
  interface: ${address[unbound]}
  access-control: 0.0.0.0/0 allow
  num-threads: 1
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "$results"
  pidfile: ""
  use-syslog: no
  do-ip6: no
  module-config: "iterator"
  include: "$results/unbound-names.conf"
remote-control:
  control-enable: no
END
lab_spawn hosta unbound unbound -d -c "$results/unbound.conf"
lab_spawn hosta dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= --bind-interfaces \
  --listen-address="${address[dnsmasq]}" --no-resolv --no-hosts --addn-hosts="$results/hosts" --local=/weave.local/ \
  --local-ttl=1 --bogus-priv
pid[weave]=$(lab_weave_pid hosta)
for server in dnsmasq unbound; do pid[$server]=$(<"$LAB_DIR/hosts/hosta/$server.pid"); done
for server in "${!pid[@]}"; do lab_exec hosta taskset -a -p -c 1 "${pid[$server]}" >/dev/null; done

# ask SERVER DNSPERF-OPTION...
ask() {
  bench_in hosta client taskset -c 0 dnsperf -s "${address[$1]}" -d "$results/queries" -c 16 "${@:2}"
}
answers() { ask "$1" -n 1 -q 20 | sed -nE 's/^ *Response codes: *(.*)/\1/p'; }
ready() { [[ -n $(answers "$1") ]]; }
for server in "${!pid[@]}"; do lab_wait 20 "$server answers" ready "$server"; done
# They are compared by the same work.
expected=$(answers dnsmasq)
for server in weave unbound; do lab_equal "answers of $server" "$expected" "$(answers "$server")"; done

# flood SERVER: as many as it takes, with 400 questions outstanding.
flood() {
  local before
  before=$(bench_cpu hosta "${pid[$1]}")
  ask "$1" -q 400 -l "$bench_seconds" >"$results/log"
  awk -v cpu="$before" -v end="$(bench_cpu hosta "${pid[$1]}")" -v to="$results/$1" '
    /Queries completed/ { completed = $3 }
    /Queries per second/ { print $4 >>(to "-rate") }
    END { print completed / (end - cpu) * 1000 >>(to "-core") }' "$results/log"
}
# steady SERVER: how long answers take when it is not hurried. Before all else that runs on this machine, where that is
# allowed: other programs' turns are not the server's.
first=(chrt --fifo 1)
lab_exec hosta "${first[@]}" true 2>/dev/null || first=()
steady() {
  ((${#first[@]} == 0)) || lab_exec hosta chrt --fifo -a -p 1 "${pid[$1]}"
  bench_in hosta client "${first[@]}" taskset -c 0 dnsperf -s "${address[$1]}" -d "$results/queries" -c 16 -q 100 \
    -l "$bench_seconds" -Q 5000 -v | awk '/^> / { print $NF * 1000 }' >>"$results/$1-latency"
  ((${#first[@]} == 0)) || lab_exec hosta chrt --other -a -p 0 "${pid[$1]}"
}

for server in "${!pid[@]}"; do flood "$server"; done
rm -f -- "$results"/*-rate "$results"/*-core
for ((round = 0; round < bench_rounds; round++)); do
  for server in weave dnsmasq unbound; do flood "$server"; done
  for server in weave dnsmasq unbound; do steady "$server"; done
done
for reference in dnsmasq unbound; do
  bench_figure 'dns: queries a second of processor time' "$(bench_median "$results/weave-core")" 1/s \
    "$reference" "$(bench_median "$results/$reference-core")" '> 1 x, >= 100000 1/s'
  bench_figure 'dns: queries a second' "$(bench_median "$results/weave-rate")" 1/s \
    "$reference" "$(bench_median "$results/$reference-rate")" '> 1 x'
  for percent in 50 99; do
    bench_figure "dns: answer at 5000 a second, p$percent" "$(bench_percentile $percent "$results/weave-latency")" ms \
      "$reference" "$(bench_percentile $percent "$results/$reference-latency")" "$([[ $percent != 99 ]] || echo '<= 1 ms')"
  done
done
