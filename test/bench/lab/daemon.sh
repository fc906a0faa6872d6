# shellcheck shell=bash
# lab: processor time and memory of idle daemons with 2 and with 100 peers, beside an idle Docker engine
# needs: weave docker ss
# limit: 180

source "$LAB_ROOT/scenarios/lib/figures.sh"

interval=${BENCH_IDLE_SECONDS:-10}
lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta
lab_weave_launch hosta --no-discovery
lab_weave_launch hostb --no-discovery --docker-api= --plugin=false 192.0.2.1
lab_weave_connected 1 hosta hostb

# percent HOST PID: processor time of a process over the interval.
percent() {
  local before
  before=$(bench_cpu "$1" "$2")
  lab_pause "$interval"
  awk -v from="$before" -v to="$(bench_cpu "$1" "$2")" -v time="$interval" 'BEGIN { print (to - from) / time / 10 }'
}

engine=$(<"$LAB_DIR/hosts/hosta/dockerd.pid")
weaver=$(lab_weave_pid hosta)
lab_pause 3
percent hosta "$engine" >"$LAB_DIR/engine" &
percent hosta "$weaver" >"$LAB_DIR/weaver" &
wait %% %-
bench_figure 'daemon: idle processor time, 2 peers' "$(<"$LAB_DIR/weaver")" % dockerd "$(<"$LAB_DIR/engine")" '<= 0.2 %'
bench_figure 'daemon: resident memory, 2 peers' "$(bench_memory hosta "$weaver")" MB dockerd "$(bench_memory hosta "$engine")"

lab_host_create hostc 192.0.2.3
lab_spawn hostc swarm sh -c 'sleep 86400 | $BENCH_BIN/bench-swarm 192.0.2.3 98'
lab_wait 60 'the swarm is complete' grep -q ready "$LAB_DIR/logs/hostc-swarm.log"
lab_weave hosta connect 192.0.2.3
knows_all() { (($(lab_weave hosta status peers | grep -c '^[0-9a-f]') == 100)); }
lab_wait 30 'hosta knows 100 peers' knows_all
lab_pause 3
few=$(<"$LAB_DIR/weaver")
bench_figure 'daemon: idle processor time, 100 peers' "$(percent hosta "$weaver")" % '2 peers' "$few" '<= 0.2 %'
bench_figure 'daemon: resident memory, 100 peers' "$(bench_memory hosta "$weaver")" MB dockerd "$(bench_memory hosta "$engine")" '<= 32 MB'
