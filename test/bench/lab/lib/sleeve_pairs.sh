# shellcheck shell=bash
# Sleeve in clear and encrypted, by its best way and by one packet for each system call, beside plain kernel VXLAN and
# the bare underlay: pairs of hosts on one underlay, each with a namespace at either end.

# By pair: its hosts, and what to reach at the second one.
declare -A pair_first=() pair_second=() pair_target=()
pairs=(underlay vxlan)

# pairs_add NAME NUMBER OPTION...: hosts NUMBER and the next one, with weave.
pairs_add() {
  local name=$1 number=$2 first="host$2" second="host$(($2 + 1))"
  shift 2
  lab_host_create "$first" "192.0.2.$number"
  lab_host_create "$second" "192.0.2.$((number + 1))"
  lab_weave_launch "$first" --docker-api= --plugin=false --fast-path=none "$@"
  lab_weave_launch "$second" --docker-api= --plugin=false --fast-path=none "$@" "192.0.2.$number"
  lab_weave_connected 1 "$first" "$second"
  bench_namespace "$first" weave weave 10.47.255.251/12
  bench_namespace "$second" weave weave 10.47.255.252/12
  pairs+=("$name")
  pair_first[$name]=$first pair_second[$name]=$second pair_target[$name]=10.47.255.252
}

pairs_make() {
  local host number=0
  pairs_add clear 1
  WEAVE_PACKET_IO=one-by-one pairs_add clear-single 3
  WEAVE_SLEEVE_SUITES='' pairs_add secretbox 5 --password secret
  WEAVE_PACKET_IO=one-by-one WEAVE_SLEEVE_SUITES='' pairs_add secretbox-single 7 --password secret
  pairs_add suite 9 --password secret
  for host in host1 host2; do
    number=$((number + 1))
    paths_vxlan "$host" "192.0.2.$number" "192.0.2.$((3 - number))"
    bench_namespace "$host" vxlan reference "10.99.0.$number/24"
  done
  pair_first[underlay]=host1 pair_second[underlay]=host2 pair_target[underlay]=192.0.2.2
  pair_first[vxlan]=host1 pair_second[vxlan]=host2 pair_target[vxlan]=10.99.0.2
  for name in "${pairs[@]}"; do
    lab_wait 20 "$name carries packets" pairs_in first "$name" ping -q -c 1 -W 1 "${pair_target[$name]}"
    pairs_in second "$name" iperf3 -s -D --logfile /dev/null
  done
  pairs_favour
}

# pairs_favour: what else the machine has to do shall disturb as little as possible, where the kernel groups processes.
pairs_favour() {
  local name host
  # shellcheck disable=SC2016
  local raise='for group in /proc/[0-9]*/autogroup; do echo -19 >"$group"; done'
  echo -19 2>/dev/null >/proc/$$/autogroup || true
  for name in "${pairs[@]:2}"; do
    for host in "${pair_first[$name]}" "${pair_second[$name]}"; do lab_exec "$host" sh -c "$raise" 2>/dev/null || true; done
  done
}

pairs_in() { # first|second PAIR COMMAND...
  local host=${pair_first[$2]} pair=$2
  [[ $1 == first ]] || host=${pair_second[$2]}
  shift 2
  case $pair in
    underlay) lab_exec "$host" "$@" ;;
    vxlan) bench_in "$host" vxlan "$@" ;;
    *) bench_in "$host" weave "$@" ;;
  esac
}

# pairs_without_segmentation: as paths_without_segmentation, for all hosts.
pairs_without_segmentation() {
  local name host
  for name in "${pairs[@]:2}"; do
    for host in "${pair_first[$name]}" "${pair_second[$name]}"; do
      ethtool -K "$host-0" tso off gso off tx-udp-segmentation off gro on >/dev/null
      lab_exec "$host" ethtool -K eth0 tso off gso off tx-udp-segmentation off gro on >/dev/null
    done
  done
}

# pairs_measure KIND PAIR FILE: as paths_measure.
pairs_measure() {
  local value busy gigabytes options=()
  case $1 in
    udp) pairs_datagrams "$2" >>"$3" && return ;;
    udp-segments) pairs_datagrams "$2" segments >>"$3" && return ;;
  esac
  [[ $1 == tcp1 ]] || options=(-P 4)
  busy=$(bench_busy)
  value=$(pairs_iperf "$2" "${options[@]}" | paths_mbit)
  printf '%s\n' "$value" >>"$3"
  [[ $1 == tcp1 ]] || return 0
  gigabytes=$(awk -v rate="$value" -v time="$bench_seconds" 'BEGIN { print rate * time / 8000 }')
  awk -v from="$busy" -v to="$(bench_busy)" -v gb="$gigabytes" 'BEGIN { print (to - from) / 1000 / gb }' >>"$3-cpu"
}

# pairs_datagrams PAIR [segments]: received in a second. 18 bytes of payload make the smallest Ethernet frame, 64 with its
# check sequence. iperf3 would be the bottleneck.
pairs_datagrams() {
  local received=$LAB_DIR/received
  pairs_in second "$1" "$BENCH_BIN/bench-datagrams" receive 5002 "$bench_seconds" 18 "${@:2}" >"$received" &
  sleep 0.2
  pairs_in first "$1" "$BENCH_BIN/bench-datagrams" send "${pair_target[$1]}" 5002 "$bench_seconds" 18 "${@:2}" >/dev/null || true
  wait $!
  cat -- "$received"
}

pairs_iperf() { # PAIR OPTION...
  local pair=$1
  shift
  pairs_in first "$pair" iperf3 -J -c "${pair_target[$pair]}" -t "$bench_seconds" "$@"
}

pairs_round_trips() { # PAIR FILE: five hundred, in ms, one a line
  pairs_in first "$1" ping -i 0.002 -c 500 -W 1 "${pair_target[$1]}" | sed -nE 's/.*time=([0-9.]+) ms/\1/p' >>"$2"
}

# pairs_compare: all measurements, round by round so that a disturbance meets every pair alike; then the figures.
pairs_compare() {
  local round pair kind results=$LAB_DIR/results
  rm -rf -- "$results"
  mkdir -p "$results"
  for ((round = 0; round < bench_rounds; round++)); do
    for kind in tcp1 tcp4 udp udp-segments; do
      for pair in "${pairs[@]}"; do pairs_measure "$kind" "$pair" "$results/$kind-$pair"; done
    done
    for pair in "${pairs[@]}"; do pairs_round_trips "$pair" "$results/rtt-$pair"; done
  done
  pairs_report clear clear-single
  pairs_report secretbox secretbox-single
  pairs_report suite secretbox-single
}

# pairs_wanted MEASUREMENT PAIR REFERENCE: what is to be reached, if anything.
pairs_wanted() {
  case $1:$2:$3 in
    tcp1:clear:clear-single | tcp1:suite:secretbox-single) echo '>= 6' ;;
    tcp1:secretbox:secretbox-single | udp:clear:clear-single | udp-segments:clear:clear-single) echo '>= 4' ;;
    tcp1:clear:vxlan) [[ $bench_name != *wire* ]] || echo '>= 1' ;;
    rtt50:clear:underlay) echo '<= 3' ;;
  esac
}

pairs_report() { # PAIR ITS-SINGLE
  local pair=$1 reference kind percent
  declare -A title=([tcp1]='TCP, one stream' [tcp4]='TCP, four streams' [udp]='UDP, 64-byte frames' [udp-segments]='UDP, 64-byte frames cut and joined by the kernel' [tcp1-cpu]='processor time per GB of TCP')
  declare -A unit=([tcp1]=Mbit/s [tcp4]=Mbit/s [udp]=packets/s [udp-segments]=packets/s [tcp1-cpu]=s)
  for kind in tcp1 tcp4 udp udp-segments tcp1-cpu; do
    for reference in "$2" vxlan underlay; do pairs_figure "$kind" "$pair" "$reference"; done
  done
  for percent in 50 99; do
    for reference in "$2" vxlan underlay; do
      bench_figure "$bench_name $pair: round trip p$percent" "$(bench_percentile $percent "$LAB_DIR/results/rtt-$pair")" ms \
        "$reference" "$(bench_percentile $percent "$LAB_DIR/results/rtt-$reference")" \
        "$(pairs_wanted "rtt$percent" "$pair" "$reference")"
    done
  done
}

pairs_figure() { # KIND PAIR REFERENCE; titles and units from pairs_report
  local stem=${1%-cpu} suffix=
  [[ $1 == *-cpu ]] && suffix=-cpu
  bench_figure "$bench_name $2: ${title[$1]}" "$(bench_median "$LAB_DIR/results/$stem-$2$suffix")" "${unit[$1]}" \
    "$3" "$(bench_median "$LAB_DIR/results/$stem-$3$suffix")" "$(pairs_wanted "$1" "$2" "$3")"
}
