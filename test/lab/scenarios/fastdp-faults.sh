# shellcheck shell=bash
# lab: datapath, ports and VXLAN device deleted under the daemon, VXLAN port taken by somebody else: said, healed or replaced
# needs: weave docker python3 ss ping ovs-dpctl
# kernel: uml
# limit: 180

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb
lab_weave_launch hosta --fast-path=openvswitch
lab_weave_launch hostb --fast-path=openvswitch 192.0.2.1
lab_weave_containers c1:hosta c2:hostb
address2=$(lab_container_address hostb c2)
fastpath_both 10 fastdp hosta hostb
lab_pinger_start traffic hosta c1 "$address2" 0.02
lab_pinger_more traffic 20

log_lines() { wc -l <"$(lab_weave_log hosta)"; }

# fault WHAT PATTERN COMMAND...: done to hosta, it is said in the log with these words, traffic comes back, and so does fastdp.
fault() {
  local what=$1 pattern=$2 lines moment pid
  shift 2
  lines=$(log_lines)
  pid=$(lab_weave_pid hosta)
  moment=$(lab_now_ms)
  lab_exec hosta "$@" || lab_fail "$what: '$*' failed"
  lab_pinger_more traffic 20 20
  lab_say "$what: longest silence $(lab_pinger_silence traffic "$moment") ms"
  lab_at_most "$what: silence" 5000 "$(lab_pinger_silence traffic "$moment")"
  lab_match "$what: the log" "$pattern" "$(tail -n +$((lines + 1)) "$(lab_weave_log hosta)")"
  lab_say "$what: $(tail -n +$((lines + 1)) "$(lab_weave_log hosta)" | grep -m 1 -E -- "$pattern")"
  (($(log_lines) - lines < 40)) || lab_fail "$what: $(($(log_lines) - lines)) lines in the log"
  fastpath_both 10 fastdp hosta hostb
  fastpath_proof hosta c1 hostb c2
  lab_equal "$what: the daemon" "$pid" "$(lab_weave_pid hosta)"
}

fault 'datapath deleted' 'datapath' ovs-dpctl del-dp datapath
fault 'VXLAN device deleted' 'vxlan' ip link delete vxlan-6784
fault 'VXLAN port removed from the datapath' 'vxlan' ovs-dpctl del-if datapath vxlan-6784
fault 'veth pair deleted' 'vethwe-(bridge|datapath)' ip link delete vethwe-datapath
fault 'port of the bridge removed from the datapath' 'vethwe-datapath' ovs-dpctl del-if datapath vethwe-datapath
fault 'VXLAN device set down' '.' ip link set vxlan-6784 down
lab_pinger_stop traffic
lab_equal 'pings answered twice' 0 "$(lab_pinger_duplicates traffic)"

# Somebody else has the VXLAN port: sleeve, and a reason that names it; an error where nothing else was wanted.
lab_host_create hostc 192.0.2.3
lab_exec hostc ip link add flannel.1 type vxlan id 1 dstport 6784 dev eth0
lab_exec hostc ip link set flannel.1 up
lab_capture hostc weave launch --docker-api= --plugin=false --fast-path=openvswitch 192.0.2.1
lab_equal 'exit of weave launch --fast-path=openvswitch with the VXLAN port taken' 1 "$LAB_STATUS"
lab_match 'what it says' '6784.*in use' "$LAB_STDERR"
lab_equal 'what the failed launch left' '' "$(lab_weave_running hostc)"
lab_weave_launch hostc --docker-api= --plugin=false 192.0.2.1
lab_weave_connected 2 hostc
fastpath_wait 10 sleeve hostc hosta
lab_match 'the log of a host whose VXLAN port is taken' '6784.*in use' "$(<"$(lab_weave_log hostc)")"
lab_say "VXLAN port taken: $(grep 6784 "$(lab_weave_log hostc)" | tail -n 1)"
fastpath_stays sleeve hostc hosta 2
lab_exec hostc ip link delete flannel.1
fastpath_wait 20 fastdp hostc hosta
lab_match 'the log of a host whose VXLAN port was freed' 'UDP port 6784 is free again' "$(<"$(lab_weave_log hostc)")"
