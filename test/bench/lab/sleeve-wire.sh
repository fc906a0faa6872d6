# shellcheck shell=bash
# lab: as sleeve, over an underlay without segmentation offloads, as on a real wire
# needs: weave ss ping iperf3 python3 ethtool
# limit: 240

source "$LAB_ROOT/scenarios/lib/figures.sh"
source "$LAB_ROOT/scenarios/lib/paths.sh"

bench_name=sleeve-wire
paths_make --fast-path=none
paths_without_segmentation
paths_compare
