# shellcheck shell=bash
# lab: the bridge is deleted under a running daemon: containers are plugged in again within seconds
# needs: weave docker
# limit: 120

lab_weave_pair
lab_weave_containers c1:hosta c2:hostb
address2=$(lab_container_address hostb c2)
lab_ping hosta c1 "$address2" 64
lab_weave hosta attach 10.77.1.1/24 c1 >/dev/null
lab_weave hostb attach 10.77.1.2/24 c2 >/dev/null

lab_exec hosta ip link delete weave
reaches() { lab_docker hosta exec c1 ping -q -c 1 -W 1 "$address2" >/dev/null; }
lab_wait 10 'c1 reaches c2 after its bridge was deleted' reaches
grep -q "bridge weave was deleted" "$(lab_weave_log hosta)" || lab_fail "the log does not say what happened"
lab_equal 'containers on the new bridge' 1 "$(lab_exec hosta sh -c 'ls /sys/class/net/weave/brif | grep -c ^vethwl')"
attached() { lab_docker hosta exec c1 ping -q -c 1 -W 1 10.77.1.2 >/dev/null; }
lab_wait 5 'c1 reaches c2 by what weave attach gave them' attached
