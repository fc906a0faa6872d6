# shellcheck shell=bash
# lab: weave on a host without Docker: launch, status, connect, forget, targets, report, version, prime, stop, reset
# needs: weave python3 ss curl
# kernel: host
# limit: 120
# catalogue: 150 175 700 903

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2

lab_weave_launch hosta
lab_case 700
lab_match 'version' '^weave ' "$(lab_weave hosta version)"
status=$(lab_weave hosta status)
lab_equal 'first line of status' '' "$(head -n 1 <<<"$status")"
lab_match 'status' '^        Version: ' "$status"
lab_match 'status' '^        Service: router$' "$status"
lab_match 'status' '^       Protocol: weave 1?\.*2$' "$status"
lab_match 'status' '^           Name: ([0-9a-f]{2}:){5}[0-9a-f]{2}\(hosta\)$' "$status"
lab_match 'status' '^     Encryption: disabled$' "$status"
lab_match 'status' '^    Connections: 0$' "$status"
lab_match 'status' '^          Peers: 1$' "$status"
lab_match 'status' '^          Range: 10\.32\.0\.0/12$' "$status"
lab_case
lab_exec hosta ip link show dev weave >/dev/null
lab_equal 'mode of the control socket' 660 "$(lab_exec hosta stat -c %a /run/weave/control.sock)"
lab_absent 'the control API on TCP' '127\.0\.0\.1:6784' "$(lab_exec hosta ss -Hltn)"
lab_exec hosta timeout $((10 * LAB_TIME_SCALE)) "$LAB_RUN_DIR/bin/weave" prime || lab_fail 'weave prime does not come back'
lab_match 'status after prime' '^         Status: ready$' "$(lab_weave hosta status)"
lab_match 'status ipam' "^$(lab_weave_name hosta)\(hosta\) +1048576 IPs \(100\.0% of total\)" "$(lab_weave hosta status ipam)"

lab_case 150
# A second host; peers by connect and forget, and who is reachable follows.
lab_weave_launch hostb
lab_weave hosta expose 10.2.1.1/24 >/dev/null
lab_weave hostb expose 10.2.1.2/24 >/dev/null
reaches() { lab_exec "$1" ping -q -c 1 -W 1 "$2" >/dev/null; } # HOST ADDRESS
! reaches hosta 10.2.1.2 || lab_fail 'hosts that are not connected reach each other'
lab_weave hosta connect 192.0.2.2
lab_equal 'targets' 192.0.2.2 "$(lab_weave hosta status targets)"
lab_weave_connected 1 hosta hostb
lab_wait 5 'hosta reaches hostb' reaches hosta 10.2.1.2
lab_wait 5 'hostb reaches hosta' reaches hostb 10.2.1.1
lab_match 'connections of hosta' "^-> 192\.0\.2\.2:6783 +established +(sleeve|fastdp) +$(lab_weave_name hostb)\(hostb\)" "$(lab_weave hosta status connections)"
lab_match 'connections of hostb' '^<- 192\.0\.2\.1:[0-9]+ +established ' "$(lab_weave hostb status connections)"
lab_match 'peers' '^   -> 192\.0\.2\.2:6783 .* established$' "$(lab_weave hosta status peers)"
lab_weave hosta connect 192.0.2.77 198.51.100.9:7000
lab_equal 'targets' '192.0.2.2 192.0.2.77 198.51.100.9:7000' "$(lab_weave hosta status targets | sort | tr '\n' ' ' | sed 's/ $//')"
lab_weave hosta forget 192.0.2.77 198.51.100.9:7000
lab_equal 'targets after forget' 192.0.2.2 "$(lab_weave hosta status targets)"
lab_weave hosta connect 192.0.2.78
lab_weave hosta connect --replace 192.0.2.2
lab_equal 'targets after replace' 192.0.2.2 "$(lab_weave hosta status targets)"
lab_weave_connected 1 hosta hostb
reaches hosta 10.2.1.2 || lab_fail 'hosta does not reach hostb after replace'

lab_case 700
lab_equal 'a template' 'hosta 6783 true' "$(lab_weave hosta report -f '{{.Router.NickName}} {{.Router.Port}} {{.Ready}}')"
lab_match 'the MTU of a connection' ' established .* mtu=[0-9]+' "$(lab_weave hosta status connections)"
lab_weave hosta report | python3 -c '
import json, sys
report = json.load(sys.stdin)
router = report["Router"]
assert report["Ready"] is True, report["Ready"]
assert router["NickName"] == "hosta", router["NickName"]
assert router["Port"] == 6783, router["Port"]
assert sorted(p["NickName"] for p in router["Peers"]) == ["hosta", "hostb"], router["Peers"]
assert router["Connections"][0]["State"] == "established", router["Connections"]
assert router["Targets"] == ["192.0.2.2"], router["Targets"]
' 2>"$LAB_DIR/stderr" || lab_fail "weave report: $(tail -n 1 "$LAB_DIR/stderr")"

# Targets outlive a daemon that dies, and a stop before launch --resume.
lab_case 175
lab_weave hosta connect 192.0.2.79
lab_weave hosta forget 192.0.2.79
lab_weave hosta connect 192.0.2.80
targets() { lab_weave hosta status targets | sort | tr '\n' ' '; }
both_targets() { [[ $(targets) == '192.0.2.2 192.0.2.80 ' ]]; }
lab_exec hosta kill -KILL "$(lab_weave_pid hosta)"
lab_wait 10 'targets after a kill' both_targets
lab_weave hosta stop
lab_weave_launch hosta --resume
lab_equal 'targets after launch --resume' '192.0.2.2 192.0.2.80 ' "$(targets)"
lab_weave_connected 1 hosta hostb

# The name outlives a stop, and a power failure; the launched peers are those of the command line again.
name=$(lab_weave_name hosta)
lab_weave hosta stop
lab_weave_stopped hosta
lab_weave_launch hosta
lab_equal 'peer name after stop and launch' "$name" "$(lab_weave_name hosta)"
lab_equal 'targets after stop and launch' '' "$(lab_weave hosta status targets)"
lab_case
lab_host_power_off hosta
lab_host_power_on hosta
lab_weave_launch hosta 192.0.2.2
lab_equal 'peer name after a power failure' "$name" "$(lab_weave_name hosta)"
lab_weave_connected 1 hosta hostb

lab_case 903
lab_weave hosta stop
lab_weave_launch hosta --ipalloc-range '' --no-dns
lab_match 'metrics without allocation' '^weave_connection_terminations_total 0' "$(lab_exec hosta curl -sf http://127.0.0.1:6782/metrics)"
lab_case
lab_weave hosta reset >/dev/null
lab_equal 'what weave reset left' '' "$(lab_weave_remains hosta | tr '\n' ' ')"
