# shellcheck shell=bash
# lab: sleeve in clear and encrypted, beside one packet a system call, plain kernel VXLAN and the bare underlay
# needs: weave ss ping iperf3 python3
# limit: 400

source "$LAB_ROOT/scenarios/lib/figures.sh"
source "$LAB_ROOT/scenarios/lib/paths.sh"
source "$LAB_ROOT/scenarios/lib/sleeve_pairs.sh"

bench_name=sleeve
pairs_make
pairs_compare
