# shellcheck shell=bash
# lab: containers as ports of Open vSwitch itself (--no-bridged-fastdp) on one host, behind the bridge on the other
# needs: weave docker python3 ss ping tcpdump ovs-dpctl
# kernel: uml
# limit: 120

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb
lab_weave_launch hosta --no-bridged-fastdp
lab_weave_launch hostb 192.0.2.1
lab_weave_containers c1:hosta c2:hosta c3:hostb
fastpath_both 10 fastdp hosta hostb
lab_match 'ports of the datapath' '^ +port [0-9]+: vethwl' "$(lab_exec hosta ovs-dpctl show weave)"
lab_ping hosta c1 "$(lab_container_address hosta c2)" 64 1400
lab_ping hosta c1 "$(lab_container_address hostb c3)" 64 1400 10000
lab_ping hostb c3 "$(lab_container_address hosta c2)" 64
fastpath_proof hosta c1 hostb c3

# Containers and the host itself get addresses there as well.
lab_equal 'attach without a bridge' 10.77.1.1 "$(lab_weave hosta attach 10.77.1.1/24 c1)"
lab_equal 'attach behind the bridge' 10.77.1.3 "$(lab_weave hostb attach 10.77.1.3/24 c3)"
lab_equal 'expose without a bridge' 10.77.1.254 "$(lab_weave hosta expose 10.77.1.254/24)"
lab_ping hosta c1 10.77.1.3 64
lab_match 'ps without a bridge' '^c1 [0-9a-f:]{17} 10\.77\.1\.1/24$' "$(lab_weave hosta ps c1)"
reaches() { lab_exec hosta ping -q -c 1 -W 1 "$1" >/dev/null; }
lab_wait 5 'hosta reaches the container of hostb' reaches 10.77.1.3
lab_equal 'detach without a bridge' 10.77.1.1 "$(lab_weave hosta detach 10.77.1.1/24 c1)"

! output=$(lab_docker hosta network create --driver weave --ipam-driver weave -o works.weave.isolate --subnet 10.40.0.0/16 n1 2>&1) ||
  lab_fail 'an isolated network was not refused'
lab_match 'an isolated network' 'launch weave without --no-bridged-fastdp' "$output"

# Where VXLAN is blocked, the user port serves them.
lab_block_udp hosta 6784
fastpath_both 10 sleeve hosta hostb
lab_ping hosta c1 "$(lab_container_address hostb c3)" 64 1400 10000
lab_unblock_udp hosta 6784
fastpath_both 10 fastdp hosta hostb

# The other way again needs a reset, and says so.
lab_weave hosta stop >/dev/null
lab_capture hosta weave launch
((LAB_STATUS != 0)) || lab_fail 'launched with a bridge although the datapath has its name'
lab_match 'why not' 'weave reset' "$LAB_STDERR"
lab_docker hosta rm -f c1 c2 >/dev/null
lab_weave hosta reset --force >/dev/null 2>&1
# Docker is answered until it has nothing of ours any more.
lab_docker hosta network rm weave >/dev/null
no_answerer() { ! lab_exec hosta pgrep -x plugin-stand-in >/dev/null; }
lab_wait 10 'nobody answers Docker any more' no_answerer
lab_equal 'what a reset leaves' '' "$(lab_weave_remains hosta)"
lab_weave_launch hosta 192.0.2.2
fastpath_both 10 fastdp hosta hostb
