# shellcheck shell=bash
# Three ways between two hosts, each with a namespace at either end: the bare underlay, plain kernel VXLAN, and weave.

readonly paths_all=(underlay vxlan weave)
declare -A paths_target=([underlay]=192.0.2.2 [vxlan]=10.99.0.2 [weave]=10.47.255.252)

# paths_make OPTION...: two hosts, a VXLAN bridge of weave's MTU on each, and weave launched with these options.
paths_make() {
  local host number=0
  lab_host_create hosta 192.0.2.1
  lab_host_create hostb 192.0.2.2
  paths_launch "$@"
  for host in hosta hostb; do
    number=$((number + 1))
    paths_vxlan "$host" "192.0.2.$number" "192.0.2.$((3 - number))"
    bench_namespace "$host" vxlan reference "10.99.0.$number/24"
    # From the end of the range, where the ring gives out nothing before all else is gone.
    bench_namespace "$host" weave weave "10.47.255.$((250 + number))/12"
  done
  for path in "${paths_all[@]}"; do
    lab_wait 20 "$path carries packets" paths_in hosta "$path" ping -q -c 1 -W 1 "${paths_target[$path]}"
    paths_in hostb "$path" iperf3 -s -D --logfile /dev/null
  done
}

paths_launch() {
  lab_weave_launch hosta --docker-api= --plugin=false "$@"
  lab_weave_launch hostb --docker-api= --plugin=false "$@" 192.0.2.1
  lab_weave_connected 1 hosta hostb
}

# paths_relaunch OPTION...: weave with other options, the rest as it is.
paths_relaunch() {
  local host
  for host in hosta hostb; do lab_weave "$host" stop >/dev/null; done
  paths_launch "$@"
  lab_wait 20 'weave carries packets' paths_in hosta weave ping -q -c 1 -W 1 "${paths_target[weave]}"
}

paths_vxlan() { # HOST LOCAL REMOTE
  local mtu
  mtu=$(lab_exec "$1" cat /sys/class/net/weave/mtu)
  lab_exec "$1" ip link add reference type bridge mcast_snooping 0
  lab_exec "$1" ip link add vx99 type vxlan id 99 local "$2" remote "$3" dstport 4789
  lab_exec "$1" ip link set vx99 mtu "$mtu" master reference up
  lab_exec "$1" ip link set reference mtu "$mtu" up
}

paths_in() { # HOST PATH COMMAND...
  local host=$1 path=$2
  shift 2
  if [[ $path == underlay ]]; then lab_exec "$host" "$@"; else bench_in "$host" "$path" "$@"; fi
}

# paths_without_segmentation: the underlay carries packets as on a wire, like a network card without offloads.
paths_without_segmentation() {
  local port
  for port in hosta-0 hostb-0; do ethtool -K "$port" tso off gso off tx-udp-segmentation off gro on >/dev/null; done
  for host in hosta hostb; do
    lab_exec "$host" ethtool -K eth0 tso off gso off tx-udp-segmentation off gro on >/dev/null
  done
}

# paths_iperf PATH ARGUMENT...: prints the result as JSON.
paths_iperf() {
  local path=$1
  shift
  paths_in hosta "$path" iperf3 -J -c "${paths_target[$path]}" -t "$bench_seconds" "$@"
}

# Values of one iperf3 run: Mbit/s received, packets/s received, bytes received.
paths_mbit() { python3 -c 'import json, sys; print(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e6)'; }
paths_packets() {
  python3 -c 'import json, sys
s = json.load(sys.stdin)["end"]["sum"]
print((s["packets"] - s["lost_packets"]) / s["seconds"])'
}

# paths_measure KIND PATH FILE: one round; adds its value, and for tcp1 the machine time per GB, to files.
paths_measure() {
  local busy gigabytes value
  case $1 in
    tcp1)
      busy=$(bench_busy)
      value=$(paths_iperf "$2" | paths_mbit)
      gigabytes=$(awk -v rate="$value" -v time="$bench_seconds" 'BEGIN { print rate * time / 8000 }')
      awk -v from="$busy" -v to="$(bench_busy)" -v gb="$gigabytes" 'BEGIN { print (to - from) / 1000 / gb }' >>"$3-cpu" ;;
    tcp4) value=$(paths_iperf "$2" -P 4 | paths_mbit) ;;
    # 18 bytes of payload make the smallest Ethernet frame, 64 bytes with its check sequence.
    udp) value=$(paths_iperf "$2" -u -b 0 -l 18 | paths_packets) ;;
  esac
  printf '%s\n' "$value" >>"$3"
}

# paths_round_trips PATH FILE: a thousand round trips in ms, one a line.
paths_round_trips() {
  paths_in hosta "$1" ping -i 0.002 -c 1000 -W 1 "${paths_target[$1]}" | sed -nE 's/.*time=([0-9.]+) ms/\1/p' >"$2"
}

# What TCP should reach of plain kernel VXLAN.
paths_wanted=

# paths_compare: all measurements, round by round so that a disturbance meets every path alike; then the figures.
paths_compare() {
  local round path kind wanted results=$LAB_DIR/results
  rm -rf -- "$results"
  mkdir -p "$results"
  for ((round = 0; round < bench_rounds; round++)); do
    for kind in tcp1 tcp4 udp; do
      for path in "${paths_all[@]}"; do paths_measure "$kind" "$path" "$results/$kind-$path"; done
    done
  done
  for path in "${paths_all[@]}"; do paths_round_trips "$path" "$results/rtt-$path"; done
  for path in underlay vxlan; do
    wanted=
    [[ $path == vxlan ]] && wanted=$paths_wanted
    paths_report tcp1 'TCP, one stream' Mbit/s "$path" "$wanted"
    paths_report tcp4 'TCP, four streams' Mbit/s "$path" "$wanted"
    paths_report udp 'UDP, 64-byte frames' packets/s "$path" ''
    paths_report tcp1-cpu 'processor time per GB of TCP' s "$path" ''
    for percent in 50 99; do
      bench_figure "$bench_name: round trip p$percent" "$(bench_percentile $percent "$results/rtt-weave")" ms \
        "$path" "$(bench_percentile $percent "$results/rtt-$path")"
    done
  done
}

paths_report() { # FILE-STEM NAME UNIT REFERENCE WANTED
  local stem=${1%-cpu} suffix=
  [[ $1 == *-cpu ]] && suffix=-cpu
  bench_figure "$bench_name: $2" "$(bench_median "$LAB_DIR/results/$stem-weave$suffix")" "$3" \
    "$4" "$(bench_median "$LAB_DIR/results/$stem-$4$suffix")" "$5"
}
