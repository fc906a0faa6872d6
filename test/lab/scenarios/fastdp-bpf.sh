# shellcheck shell=bash
# lab: two hosts without Open vSwitch: containers talk by VXLAN and BPF only; what a kernel lacks is said
# needs: weave docker python3 ss ping tcpdump iperf3 curl
# limit: 120

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb
lab_weave_launch hosta --fast-path=bpf
lab_weave_launch hostb --fast-path=bpf 192.0.2.1
lab_weave_containers c1:hosta c2:hostb
address2=$(lab_container_address hostb c2)
fastpath_both 10 fastdp hosta hostb
for pair in hosta:hostb hostb:hosta; do
  lab_match "status connections of ${pair%:*}" ' established fastdp .* mtu=1376( |$)' "$(fastpath_line "${pair%:*}" "${pair#*:}")"
done
lab_match 'interface of c1' 'ethwe0.* mtu 1376 ' "$(lab_container_net hosta c1 ip -o link show dev ethwe0)"

lab_ping hosta c1 "$address2" 64 1400 10000
lab_ping hostb c2 "$(lab_container_address hosta c1)" 64 1400 10000
fastpath_proof hosta c1 hostb c2
fastpath_proof hostb c2 hosta c1
fastpath_transfer hosta c1 hostb c2
fastpath_broadcasts hosta:c1 hostb:c2
fastpath_flows hosta hostb
fastpath_stays fastdp hosta hostb 2

# Dashboard and alerts name what there is, and the numbers are those of the traffic.
lab_exec hosta curl -sf http://127.0.0.1:6782/metrics >"$LAB_DIR/metrics"
python3 "$LAB_ROOT/lib/monitoring.py" "$LAB_RUN_DIR/monitoring" "$LAB_DIR/metrics" || lab_fail 'dashboard or alerts name metrics that are not there'
sent=$(sed -n 's/^weave_device_transmit_bytes_total{device="vxlan-6784"} //p' "$LAB_DIR/metrics")
python3 -c 'import sys; sys.exit(float(sys.argv[1]) < 1e6)' "${sent:-0}" || lab_fail "bytes sent by VXLAN: ${sent:-none}"

# The choice by itself, and a choice that this kernel cannot serve.
if [[ -z ${LAB_INSIDE_UML:-} && ! -d /sys/module/openvswitch ]]; then
  lab_host_create hostc 192.0.2.3
  lab_host_create hostd 192.0.2.4
  lab_weave_launch hostc --docker-api= --plugin=false 192.0.2.1
  fastpath_both 10 fastdp hosta hostc
  lab_capture hostd weave launch --docker-api= --plugin=false --fast-path=openvswitch 192.0.2.1
  lab_equal 'exit of weave launch --fast-path=openvswitch without Open vSwitch' 1 "$LAB_STATUS"
  lab_match 'what it says' 'lacks Open vSwitch' "$LAB_STDERR"
fi
