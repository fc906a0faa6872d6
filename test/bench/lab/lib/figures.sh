# shellcheck shell=bash
# Figures of a benchmark, always beside a reference of the same run; and containers that are only network namespaces.

bench_rounds=${BENCH_ROUNDS:-3}
bench_seconds=${BENCH_SECONDS:-2}

# bench_figure NAME VALUE UNIT REFERENCE REFERENCE-VALUE [WANTED]
bench_figure() {
  awk -v name="$1" -v value="$2" -v unit="$3" -v reference="$4" -v base="$5" -v wanted="${6:-}" 'BEGIN {
    ratio = base > 0 ? sprintf("%.3g", value / base) : "?"
    printf "%s: %.4g %s = %s x %s (%.4g %s)%s\n", name, value, unit, ratio, reference, base, unit, wanted ? "; wanted " wanted : ""
  }'
}

# bench_median [FILE]: of numbers, one a line.
bench_median() { sort -g "$@" | awk '{ value[NR] = $1 } END { print NR ? value[int((NR + 1) / 2)] : 0 }'; }

# bench_percentile PERCENT [FILE]
bench_percentile() {
  local percent=$1
  shift
  sort -g "$@" | awk -v percent="$percent" '{ value[NR] = $1 } END { i = int(NR * percent / 100 + 0.999); print NR ? value[i < 1 ? 1 : i] : 0 }'
}

# bench_namespace HOST NAME BRIDGE ADDRESS/LENGTH: a namespace with eth0 on a bridge of the host, of the bridge's MTU.
bench_namespace() {
  local mtu
  lab_exec "$1" ip netns add "$2"
  mtu=$(lab_exec "$1" cat "/sys/class/net/$3/mtu")
  lab_exec "$1" ip link add "v-$2" mtu "$mtu" type veth peer name eth0 mtu "$mtu" netns "$2"
  lab_exec "$1" ip link set "v-$2" master "$3" up
  lab_exec "$1" ip -n "$2" address add "$4" dev eth0
  lab_exec "$1" ip -n "$2" link set eth0 up
}

# bench_in HOST NAMESPACE COMMAND...
bench_in() {
  local host=$1 namespace=$2
  shift 2
  lab_exec "$host" ip netns exec "$namespace" "$@"
}

# bench_cpu HOST PID: processor time of a process so far, all threads, in ms.
bench_cpu() { lab_exec "$1" sh -c 'cat /proc/$0/task/*/schedstat' "$2" | awk '{ sum += $1 } END { print sum / 1e6 }'; }

# bench_busy: processor time of the whole machine so far, idle and stolen time apart, in ms.
bench_busy() { awk -v hz="$(getconf CLK_TCK)" '/^cpu / { print ($2 + $3 + $4 + $7 + $8) * 1000 / hz }' /proc/stat; }

# bench_memory HOST PID: resident memory in MB.
bench_memory() { lab_exec "$1" awk '/^VmRSS/ { print $2 / 1024 }' "/proc/$2/status"; }
