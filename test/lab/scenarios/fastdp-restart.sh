# shellcheck shell=bash
# lab: 1000 pings a second over a stop and launch and over a kill -9 of the daemon: the kernel goes on without it
# needs: weave docker python3 ss ping
# limit: 120

readonly tolerated=10
# Without --fast-path: the daemon tries what it would prefer first, which must not end what is there.
launch_b=(hostb 192.0.2.1)
lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb
lab_weave_launch hosta
lab_weave_launch "${launch_b[@]}"
lab_weave_containers c1:hosta c2:hostb
address2=$(lab_container_address hostb c2)
fastpath_both 10 fastdp hosta hostb

replaced() { local now; now=$(lab_weave_pid hostb) && [[ $now != "$1" ]]; }
killed() { lab_exec hostb kill -KILL "$1"; }
both_killed() {
  lab_exec hosta kill -KILL "$(lab_weave_pid hosta)"
  killed "$1"
}
relaunched() {
  lab_weave hostb stop >/dev/null
  lab_weave_launch "${launch_b[@]}"
}

# outlast WHAT COMMAND: pings from c1 to c2 while it ends the daemon of hostb, until the new one has been at work for a while.
outlast() {
  local what=$1 pid moment lost
  pid=$(lab_weave_pid hostb)
  lab_pinger_start "$2" hosta c1 "$address2" 0.001
  lab_pinger_more "$2" 500
  moment=$(lab_now_ms)
  "$2" "$pid"
  lab_wait 10 'a new daemon on hostb' replaced "$pid"
  fastpath_both 10 fastdp hosta hostb
  lab_pinger_more "$2" 3000 20
  lab_pinger_stop "$2"
  lost=$(lab_pinger_lost "$2")
  lab_say "$what: $lost of $(lab_pinger_sent "$2") pings lost, $(lab_pinger_duplicates "$2") answered twice, longest silence $(lab_pinger_silence "$2" "$moment") ms"
  ((lost <= tolerated * LAB_TIME_SCALE)) || lab_fail "$what: $lost pings lost, allowed $((tolerated * LAB_TIME_SCALE))"
  lab_equal "$what: pings answered twice" 0 "$(lab_pinger_duplicates "$2")"
}

outlast 'kill -9' killed
outlast 'kill -9 on both hosts' both_killed
outlast 'weave stop and launch' relaunched
# The new daemon learns as well as the old one.
lab_weave_containers c3:hostb
lab_ping hosta c1 "$(lab_container_address hostb c3)" 64 1400
lab_ping hostb c2 "$(lab_container_address hosta c1)" 64 1400
fastpath_flows hostb hosta
