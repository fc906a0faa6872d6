# shellcheck shell=bash
# lab: three hosts, one with Open vSwitch, one with BPF, one with sleeve only: each pair by its best path
# needs: weave docker python3 ss ping tcpdump
# kernel: uml
# limit: 150

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_host_create hostc 192.0.2.3
lab_dockerd_start hosta hostb hostc
lab_image_load hosta hostb hostc
lab_weave_launch hosta --fast-path=openvswitch
lab_weave_launch hostb --fast-path=bpf 192.0.2.1
lab_weave_launch hostc --no-fastdp 192.0.2.1
lab_weave_connected 2 hosta hostb hostc
lab_weave_containers c1:hosta c2:hostb c3:hostc
address1=$(lab_container_address hosta c1)
address2=$(lab_container_address hostb c2)
address3=$(lab_container_address hostc c3)
fastpath_both 10 fastdp hosta hostb
fastpath_both 10 sleeve hosta hostc
fastpath_both 10 sleeve hostb hostc

lab_ping hosta c1 "$address2" 64 1400 10000
lab_ping hostb c2 "$address1" 64 1400 10000
lab_ping hosta c1 "$address3" 64 1400 10000
lab_ping hostc c3 "$address1" 64 1400 10000
lab_ping hostb c2 "$address3" 64 1400 10000
lab_ping hostc c3 "$address2" 64 1400 10000

fastpath_proof hosta c1 hostb c2
fastpath_proof hostb c2 hosta c1
by_sleeve() { # HOST CONTAINER ADDRESS
  local captured
  fastpath_capture "$1"
  fastpath_mark_pings "$1" "$2" "$3" 20
  captured=$(fastpath_captured "$1")
  fastpath_carried "$2 ($1) to $3" sleeve 40 "$captured"
}
by_sleeve hosta c1 "$address3"
by_sleeve hostb c2 "$address3"

fastpath_broadcasts hosta:c1 hostb:c2 hostc:c3
fastpath_broadcasts hostb:c2 hosta:c1 hostc:c3
fastpath_broadcasts hostc:c3 hosta:c1 hostb:c2

# Sleeve peers cost no upcall a packet either.
fastpath_cheap '400 pings to a sleeve peer' hosta fastpath_mark_pings hosta c1 "$address3" 400 64 0.005
