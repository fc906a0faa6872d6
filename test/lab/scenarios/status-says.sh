# shellcheck shell=bash
# lab: weave status, its exit status and weave launch say what is wrong and what to do: no daemon, no Docker, a network of another driver, peers, MTU, hairpin mode, no name server, a restart loop
# needs: weave docker python3 ss bridge
# kernel: host
# limit: 120
# catalogue: 705

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_spawn hosta

# says HOST EXIT PATTERN: what status --check ends with, and a line of it.
says() {
  lab_capture "$1" weave status --check
  [[ $LAB_STATUS == "$2" ]] && grep -qE -- "$3" <<<"$LAB_STDOUT$LAB_STDERR"
}

# told WHAT HOST EXIT PATTERN: soon, in the text with cause and next step, and in JSON.
told() {
  lab_within 15 says "$2" "$3" "$4" || lab_fail "$1: exit $LAB_STATUS: $LAB_STDOUT$LAB_STDERR"
  lab_match "$1" '^ *(Check: )?.*: .*\. Next: ' "$(grep -E -- "$4" <<<"$LAB_STDOUT$LAB_STDERR")"
  lab_capture "$2" weave status --check --json
  lab_equal "$1: exit of --json" "$3" "$LAB_STATUS"
  lab_equal "$1: findings as JSON" 'False True' "$(python3 -c '
import json, sys
report = json.load(sys.stdin)
print(report["ok"], all(f["severity"] in ("warning", "error") and f["cause"] and f["next"] for f in report["findings"]))' <<<"$LAB_STDOUT")"
}

well() { says "$1" 0 '^ +Check: all is well$'; }

told 'no daemon' hostb 3 "^weave is not running: nobody answers on .*\. Next: 'weave launch'"

# Docker is not there: launch works and says so.
lab_capture hostb weave launch --no-dns
lab_equal 'exit of a launch without Docker' 0 "$LAB_STATUS"
lab_match 'a launch without Docker' "^WARNING: containers of Docker are not followed: .*Next: 'systemctl start docker'" "$LAB_STDERR"
told 'no Docker' hostb 1 'Check: containers of Docker are not followed: '
lab_weave hostb stop

# The network weave is somebody else's.
lab_dockerd_wait hosta
lab_docker hosta network create weave >/dev/null
lab_capture hosta weave launch --dns-listen-address 127.0.0.1:53
lab_equal 'exit of a launch that gets no network' 5 "$LAB_STATUS"
lab_match 'a launch that gets no network' "^ERROR: 'docker run --net=weave' does not work: a network named weave exists with driver bridge\. Next: 'docker network rm weave'" "$LAB_STDERR"
told 'network of another driver' hosta 2 "Check: 'docker run --net=weave' does not work: "
lab_match 'its own line' '^        Network: a network named weave exists with driver bridge$' "$(lab_weave hosta status)"
lab_weave hosta stop
lab_docker hosta network rm weave >/dev/null

# No name server; then one.
lab_exec hosta sh -c 'echo "# none" >/run/none.conf; echo "nameserver 192.0.2.53" >/run/one.conf'
lab_weave_launch hosta --dns-listen-address 127.0.0.1:53 --resolv-conf /run/none.conf
told 'no name server' hosta 1 'Check: names outside weave\.local\. are not answered: '
lab_weave hosta stop
lab_weave_launch hosta --dns-listen-address 127.0.0.1:53 --resolv-conf /run/one.conf
lab_wait 10 'all is well alone' well hosta

# Peers.
lab_weave_launch hostb --no-dns --docker-api= --plugin=false 192.0.2.1
fastpath_both 10 fastdp hosta hostb
lab_wait 10 'all is well together' well hosta
lab_weave hosta connect no-such-host.invalid 192.0.2.99
told 'a name that is none' hosta 2 'Check: connection with no-such-host\.invalid.*correct the name'
told 'a host that is none' hosta 2 'Check: connection with 192\.0\.2\.99:6783 .*weave forget 192\.0\.2\.99'
lab_match 'its line in status connections' '^-> 192\.0\.2\.99:6783 .* Next: let TCP and UDP port 6783' "$(lab_weave hosta status connections)"
lab_weave hosta forget no-such-host.invalid 192.0.2.99
lab_wait 10 'all is well again' well hosta

# The network between the hosts is too narrow for VXLAN.
lab_mtu hosta 1400
lab_mtu hostb 1400
told 'too narrow for VXLAN' hosta 1 'Check: traffic with .*\(hostb\) .*the network carries packets of 1400 bytes to the peer, 1426 are needed: 26 too many.*--mtu'
lab_mtu hosta 1500
lab_mtu hostb 1500
lab_wait 20 'all is well at 1500' well hosta

lab_case 705
port=$(lab_exec hosta ls /sys/class/net/weave/brif | grep -E '^(vxlan-6784|vethwe-bridge|vethwe-user)$' | head -n 1)
lab_exec hosta bridge link set dev "$port" hairpin on
told 'hairpin mode' hosta 2 "Check: frames go round in circles at $port: .*'bridge link set dev $port hairpin off'"
lab_match 'hairpin mode in the log' "ERRO.*Hairpin mode enabled on \"$port\"" "$(<"$(lab_weave_log hosta)")"
lab_exec hosta bridge link set dev "$port" hairpin off
lab_wait 10 'hairpin mode is off' well hosta
lab_case

# A daemon that ends again and again.
lab_exec hostb sh -c 'echo "this is no state" >/var/lib/weave/bad; mv /var/lib/weave/bad /var/lib/weave/state.db; rm -f /var/lib/weave/state.db-*'
lab_exec hostb kill -KILL "$(lab_weave_pid hostb)"
told 'restart loop' hostb 3 '^weave ends again and again: .*state\.db is damaged'
lab_match 'plain status says so, too' '^weave ends again and again: ' "$(lab_capture hostb weave status; printf '%s' "$LAB_STDERR")"
lab_weave hostb stop
lab_weave hosta stop
