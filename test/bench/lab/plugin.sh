# shellcheck shell=bash
# lab: how long each call of Docker's driver protocol takes over the Unix socket of a running daemon
# needs: weave ss python3
# limit: 120

source "$LAB_ROOT/scenarios/lib/figures.sh"

lab_host_create hosta 192.0.2.1
lab_weave_launch hosta --docker-api=
lab_exec hosta python3 "$LAB_ROOT/scenarios/lib/driver_calls.py" /run/docker/plugins/weave.sock "${BENCH_CALLS:-300}" \
  >"$LAB_DIR/calls" 2>"$LAB_DIR/logs/calls.log" || lab_fail "a call failed: $(tail -n 1 "$LAB_DIR/logs/calls.log")"
while read -r method p50 p99 base50 base99 reference; do
  bench_figure "plugin: $method p50" "$p50" ms "$reference" "$base50"
  bench_figure "plugin: $method p99" "$p99" ms "$reference" "$base99" '<= 20 ms'
done <"$LAB_DIR/calls"
