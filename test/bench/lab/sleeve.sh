# shellcheck shell=bash
# lab: throughput, packet rate and round trips by sleeve, beside the bare underlay and plain kernel VXLAN
# needs: weave ss ping iperf3 python3
# limit: 240

source "$LAB_ROOT/scenarios/lib/figures.sh"
source "$LAB_ROOT/scenarios/lib/paths.sh"

bench_name=sleeve
paths_make --fast-path=none
paths_compare
