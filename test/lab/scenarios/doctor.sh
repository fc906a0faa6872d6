# shellcheck shell=bash
# lab: what weave doctor, setup and status --check find: a range that is in use, no Docker, a port that is taken, an unreachable peer
# needs: weave python3 ss
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2

# finds EXIT PATTERN COMMAND...: the exit status, and a line on stdout.
finds() {
  lab_capture hosta weave "${@:3}"
  lab_match "exit of weave ${*:3}" "^$1$" "$LAB_STATUS"
  lab_match "weave ${*:3}" "$2" "$LAB_STDOUT"
}

lab_check() { lab_weave hosta status --check || true; }

# No Docker, nothing else wrong; what is not fine has a next step.
finds 0 '^warning  docker: containers cannot be attached: .*Next: .systemctl start docker' doctor
lab_match 'ports of a fresh host' '^ok +ports: TCP and UDP 6783' "$LAB_STDOUT"
lab_match 'range of a fresh host' '^ok +range: 10\.32\.0\.0/12' "$LAB_STDOUT"
lab_match 'daemon of a fresh host' "^note +daemon: .*Next: 'weave launch'" "$LAB_STDOUT"

# A port and the range.
lab_spawn hosta squatter python3 -c '
import socket, time
s = socket.socket(); s.bind(("0.0.0.0", 6783)); s.listen(); time.sleep(600)'
lab_wait 5 'the squatter listens' eval "lab_exec hosta ss -Hltn 'sport = :6783' | grep -q ."
lab_exec hosta ip route add 10.33.0.0/16 via 192.0.2.2
finds 1 '^error +ports: TCP port 6783 is not free for the daemon: python3 \(pid [0-9]+\) has it\. Next: ' setup
lab_match 'the route' '^error +range: the range 10\.32\.0\.0/12 .*: this host reaches 10\.33\.0\.0/16 by [^ ]+\. Next: .*--ipalloc-range' "$LAB_STDOUT"
lab_capture hosta weave doctor --json
lab_equal 'the findings as JSON' 'False 2 True' "$(python3 -c '
import json, sys
report = json.load(sys.stdin)
errors = [f for f in report["findings"] if f["severity"] == "error"]
print(report["ok"], len(errors), all(f["cause"] and f["next"] for f in errors))' <<<"$LAB_STDOUT")"
lab_end hosta squatter KILL
lab_exec hosta ip route delete 10.33.0.0/16

# A peer, and one that does not answer.
lab_weave_launch hostb --no-dns --docker-api ''
lab_weave_launch hosta --no-dns --docker-api '' 192.0.2.2
lab_weave_connected 1 hosta hostb
lab_match 'bridge-type' '^(bridged_fastdp|bridge)$' "$(lab_weave hosta bridge-type)"
# Until the fast path has proven itself traffic goes by sleeve, which is not well.
lab_wait 10 'all is well' lab_weave hosta status --check
lab_match 'status --check' '^ +Check: all is well$' "$(lab_weave hosta status --check)"
finds 0 '^ok +peers: .* at 192\.0\.2\.2:6783 is reached by (fastdp|sleeve), MTU [0-9]+$' doctor
lab_match 'ports of the daemon' '^ok +ports: ' "$LAB_STDOUT"
lab_weave hosta connect 192.0.2.99
lab_wait 10 'the missing peer is found' eval "lab_check | grep -qE '^ +Check: connection with 192\.0\.2\.99:6783 is (connecting|retrying|failed): .*Next: .*weave forget 192\.0\.2\.99'"
finds 1 '^error +status: connection with 192\.0\.2\.99:6783 is ' doctor
finds 1 '^        Version: ' status --check
lab_weave hosta forget 192.0.2.99
lab_match 'names of former versions' 'has been removed as of Weave Net version 2.0' "$(lab_capture hosta weave run; printf '%s' "$LAB_STDERR")"
lab_weave hosta stop
lab_weave hostb stop
