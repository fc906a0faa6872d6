# shellcheck shell=bash
# lab: weave launch on two hosts until a container of one is answered by a container of the other
# needs: weave docker ss ping
# limit: 180

source "$LAB_ROOT/scenarios/lib/figures.sh"

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb
results=$LAB_DIR/results
mkdir -p "$results"

took() { printf '%s\n' $(($(lab_now_ms) - $2)) >>"$results/$1"; } # NAME SINCE

# The peer answers when its container does; busybox' ping waits a whole second for a lost first packet.
answered() { lab_container_net hosta c1 ping -q -c 1 -W 0.1 "$1"; }

for ((round = 0; round < bench_rounds; round++)); do
  start=$(lab_now_ms)
  lab_container_start hosta plain
  took bridge "$start"
  lab_docker hosta rm -f plain >/dev/null

  begin=$(lab_now_ms)
  lab_weave hosta launch
  took launch "$begin"
  start=$(lab_now_ms)
  lab_weave hostb launch 192.0.2.1
  took launch "$start"
  start=$(lab_now_ms)
  lab_weave_containers c1:hosta c2:hostb
  took run "$start"
  address=$(lab_container_address hostb c2)
  lab_wait 10 'the other container answers' answered "$address"
  took total "$begin"
  lab_docker hosta rm -f c1 >/dev/null
  lab_docker hostb rm -f c2 >/dev/null
  for host in hosta hostb; do lab_weave "$host" reset >/dev/null; done
done

bridge=$(bench_median "$results/bridge")
reference='docker run on the bridge network'
bench_figure 'launch: weave launch' "$(bench_median "$results/launch")" ms "$reference" "$bridge" '<= 3000 ms'
bench_figure 'launch: docker run --net=weave, two at once' "$(bench_median "$results/run")" ms "$reference" "$bridge"
bench_figure 'launch: first launch to first ping answered' "$(bench_median "$results/total")" ms "$reference" "$bridge" '<= 3000 ms'
