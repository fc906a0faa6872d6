# shellcheck shell=bash
# lab: garbage, half frames, huge lengths, gob bombs and silence on port 6783: dropped, memory bounded, real peers stay
# needs: weave python3 ss
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_host_create stranger 192.0.2.3
lab_weave_launch hosta
lab_weave_launch hostb 192.0.2.1
lab_weave_connected 1 hosta hostb

pid=$(lab_weave_pid hosta)
log=$(lab_weave_log hosta)
resident() { lab_exec hosta sed -nE "s/^$1:[[:space:]]*([0-9]+) kB/\1/p" "/proc/$pid/status" | grep .; }
connections() { lab_weave hosta status connections; }
# The way that frames take may change meanwhile.
established() { connections | grep ' established ' | sed -E 's/ (fastdp|sleeve) / /; s/ mtu=.*//'; }
before=$(resident VmRSS)
kept=$(established)

bad_peer() { # CASE...
  lab_exec stranger python3 "$LAB_ROOT/lib/bad_peer.py" --peer-name "$(lab_weave_name hosta)" --slow "$LAB_TIME_SCALE" 192.0.2.1 6783 "$@"
}

# What the client prints: "CASE SOURCE-PORT closed|open|mute SECONDS".
check_case() {
  local case=$1 port=$2 outcome=$3 seconds=$4 wanted=$5 lines
  [[ $outcome == "$wanted" ]] || lab_fail "case $case: connection $outcome after $seconds s, wanted $wanted"
  lab_wait 3 "case $case: a log line that says why 192.0.2.3:$port was dropped" grep -q "192\.0\.2\.3:$port\b.* error" "$log"
  lines=$(grep -c "192\.0\.2\.3:$port\b.* error" "$log")
  ((lines == 1)) || lab_fail "case $case: $lines log lines say why one connection was dropped"
}

lab_spawn stranger silence python3 "$LAB_ROOT/lib/bad_peer.py" --slow "$LAB_TIME_SCALE" 192.0.2.1 6783 silence header-then-silence
dropped=(text random half-header future bad-flag wants-encryption half-frame huge-length over-limit gob-bomb gob-string gob-depth
  missing-field bad-name bad-flavour same-name bad-overlay bad-gossip)
bad_peer "${dropped[@]}" >"$LAB_DIR/logs/bad-peer.log"
while read -r case port outcome seconds; do
  check_case "$case" "$port" "$outcome" "$seconds" closed
done <"$LAB_DIR/logs/bad-peer.log"
lab_equal 'cases played' "${#dropped[@]}" "$(wc -l <"$LAB_DIR/logs/bad-peer.log")"
lab_say "${#dropped[@]} kinds of bad input, each dropped: slowest after $(sort -k 4 -n "$LAB_DIR/logs/bad-peer.log" | tail -n 1 | cut -d ' ' -f 1,4) s"

bad_peer unknown-tag >"$LAB_DIR/logs/unknown-tag.log"
lab_match 'an unknown tag is ignored' ' open ' "$(<"$LAB_DIR/logs/unknown-tag.log")"

# Hundreds at once, each announcing the longest frame there is.
bad_peer crowd >"$LAB_DIR/logs/crowd.log"
lab_say "crowd: $(<"$LAB_DIR/logs/crowd.log")"

lab_wait 75 'who says nothing is cut' eval '! lab_alive stranger silence'
lab_match 'silence' '^silence [0-9]+ closed (9|1[0-9])\.' "$(<"$LAB_DIR/logs/stranger-silence.log")"

lab_equal 'the daemon of hosta' "$pid" "$(lab_weave_pid hosta || echo none)"
peak=$(resident VmHWM)
lab_say "memory of the daemon: $before kB before, $peak kB at the highest"
((peak - before <= ${LAB_BAD_PEER_KB:-32768})) || lab_fail "memory grew from $before to $peak kB"
lab_equal 'the connection between real peers' "$kept" "$(established)"
lab_wait 5 'strangers are forgotten' eval "lab_weave hosta status peers | grep -c '^[0-9a-f]' | grep -qx 2"
