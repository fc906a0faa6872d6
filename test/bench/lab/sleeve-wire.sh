# shellcheck shell=bash
# lab: as sleeve, over an underlay without segmentation offloads, as on a real wire
# needs: weave ss ping iperf3 python3 ethtool
# limit: 400

source "$LAB_ROOT/scenarios/lib/figures.sh"
source "$LAB_ROOT/scenarios/lib/paths.sh"
source "$LAB_ROOT/scenarios/lib/sleeve_pairs.sh"

bench_name=sleeve-wire
pairs_make
pairs_without_segmentation
pairs_compare
