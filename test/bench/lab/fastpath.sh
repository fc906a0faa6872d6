# shellcheck shell=bash
# lab: the kernel fast paths beside plain kernel VXLAN, on an underlay that takes super-packets and on one like a wire
# needs: weave ss ping iperf3 python3 ethtool
# limit: 600

source "$LAB_ROOT/scenarios/lib/figures.sh"
source "$LAB_ROOT/scenarios/lib/paths.sh"

paths_wanted='>= 0.95'
kinds=(bpf)
[[ -z ${LAB_INSIDE_UML:-} ]] || kinds=(openvswitch bpf)

on_fastdp() { lab_weave "$1" status connections | grep -q 'established fastdp'; }

fastpath_compare() { # NAME
  local host
  bench_name=$1
  for host in hosta hostb; do lab_wait 10 "$host uses fastdp" on_fastdp "$host"; done
  paths_compare
}

paths_make --fast-path="${kinds[0]}"
for kind in "${kinds[@]}"; do
  [[ $kind == "${kinds[0]}" ]] || paths_relaunch --fast-path="$kind"
  fastpath_compare "fastpath $kind"
done
paths_without_segmentation
for kind in "${kinds[@]}"; do
  [[ ${#kinds[@]} == 1 ]] || paths_relaunch --fast-path="$kind"
  fastpath_compare "fastpath $kind, underlay like a wire"
done
