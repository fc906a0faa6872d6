# shellcheck shell=bash
# lab: what weave doctor, setup and status --check find: a range that is in use, no Docker, ports that are taken, leftovers, both kinds of iptables, a program that hangs, peers with and without the daemon
# needs: weave python3 ss iptables-nft iptables-legacy
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
a = [socket.create_server(p) for p in (("0.0.0.0", 6783), ("127.0.0.1", 6782))]; time.sleep(600)'
lab_wait 5 'the squatter listens' eval "lab_exec hosta ss -Hltn 'sport = :6783' | grep -q ."
lab_exec hosta ip route add 10.33.0.0/16 via 192.0.2.2
finds 1 '^error +ports: TCP port 6783 is not free for the daemon: python3 \(pid [0-9]+\) has it\. Next: ' setup
lab_match 'the port of status' '^error +ports: TCP port 6782 is not free for status and metrics: python3 ' "$LAB_STDOUT"
lab_match 'the route' '^error +range: the range 10\.32\.0\.0/12 .*: this host reaches 10\.33\.0\.0/16 by [^ ]+\. Next: .*--ipalloc-range' "$LAB_STDOUT"
lab_capture hosta weave doctor --json
lab_equal 'the findings as JSON' 'False 3 True' "$(python3 -c '
import json, sys
report = json.load(sys.stdin)
errors = [f for f in report["findings"] if f["severity"] == "error"]
print(report["ok"], len(errors), all(f["cause"] and f["next"] for f in errors))' <<<"$LAB_STDOUT")"
lab_end hosta squatter KILL
lab_exec hosta ip route delete 10.33.0.0/16

# What is left over, and whose firewall it is.
lab_exec hosta ip link add vethwl012345678 type veth peer name vethwg012345678
lab_exec hosta iptables-nft -A INPUT -j ACCEPT
lab_exec hosta iptables-legacy -N DOCKER
lab_exec hosta iptables-legacy -A INPUT -j ACCEPT
finds 0 "^warning  leftovers: the interface vethwl012345678 is without a container: .*Next: 'ip link delete vethwl012345678'" doctor
lab_match 'both kinds of iptables' '^warning  firewall: iptables rules are in two places' "$LAB_STDOUT"
lab_match 'the kind of Docker' '^warning  firewall: Docker filters by the legacy kind of iptables: .*nf_tables' "$LAB_STDOUT"
lab_exec hosta ip link delete vethwl012345678
for kind in nft legacy; do lab_exec hosta "iptables-$kind" -F; lab_exec hosta "iptables-$kind" -X; done

# A program that hangs is given up.
lab_exec hosta sh -c 'mkdir -p /run/slow; printf "#!/bin/sh\nexec sleep 600\n" >/run/slow/iptables-nft-save; chmod +x /run/slow/iptables-nft-save'
start=$(lab_now_ms)
lab_capture hosta env PATH="/run/slow:$PATH" weave doctor
lab_match 'iptables hangs' "^error +firewall: iptables cannot be looked at: iptables-nft-save did not end within 5000 ms\. Next: " "$LAB_STDOUT"
lab_at_most 'doctor beside a program that hangs' 8000 $(($(lab_now_ms) - start))

# A peer, and one that does not answer.
lab_weave_launch hostb --no-dns --docker-api ''
lab_weave_launch hosta --no-dns --docker-api '' 192.0.2.2
lab_weave_connected 1 hosta hostb
lab_match 'bridge-type' '^(bridged_fastdp|bridge)$' "$(lab_weave hosta bridge-type)"
# Until the fast path has proven itself traffic goes by sleeve, which is not well.
lab_wait 10 'all is well' lab_weave hosta status --check
lab_match 'status --check' '^ +Check: all is well$' "$(lab_weave hosta status --check)"
finds 0 '^ok +peers: .* at 192\.0\.2\.2:6783 is reached by (fastdp|sleeve), MTU [0-9]+; packets of 1500 bytes get there$' doctor
lab_match 'the other path' '^(ok|note) +peers: .* at 192\.0\.2\.2:6783 is (reached by sleeve too, MTU [0-9]+|not reached by fastdp)' "$LAB_STDOUT"
lab_match 'ports of the daemon' '^ok +ports: ' "$LAB_STDOUT"
lab_match 'rules of the daemon' "^ok +firewall: weave's own rules are in nftables" "$LAB_STDOUT"
lab_weave hosta connect 192.0.2.99
lab_wait 10 'the missing peer is found' eval "lab_check | grep -qE '^ +Check: connection with 192\.0\.2\.99:6783 is (connecting|retrying|failed): .*Next: .*weave forget 192\.0\.2\.99'"
finds 1 '^error +status: connection with 192\.0\.2\.99:6783 is ' doctor
finds 2 '^        Version: ' status --check
lab_weave hosta forget 192.0.2.99
lab_match 'names of former versions' 'has been removed as of Weave Net version 2.0' "$(lab_capture hosta weave run; printf '%s' "$LAB_STDERR")"

# With the daemon down the stored peers are looked for.
lab_weave hosta connect nobody.invalid
lab_weave hosta stop
finds 1 '^ok +peers: 192\.0\.2\.2 at 192\.0\.2\.2:6783 \(stored here\) answers by TCP in [0-9]+ ms; packets of 1500 bytes get there$' doctor
lab_match 'a peer without an address' '^error +peers: nobody\.invalid \(stored here\) cannot be looked for: .*Next: correct the name' "$LAB_STDOUT"
lab_mtu hosta 1400
finds 1 '^warning  peers: the way to 192\.0\.2\.2 is too narrow for the kernel fast path: packets of 1400 bytes get there, 1426 are needed: 26 too many' doctor
lab_mtu hosta 1500
lab_weave hostb stop
finds 1 "^error +peers: 192\.0\.2\.2 at 192\.0\.2\.2:6783 \(stored here\) is not reached by TCP: Connection refused\. Next: 'weave status' there" doctor
lab_capture hosta weave doctor --json
lab_equal 'text and JSON say the same' "$(lab_exec hosta weave doctor | sed -E 's/^[a-z]+ +//' | grep -oE '^[a-z]+' | sort | uniq -c)" "$(python3 -c '
import json, sys
for finding in json.load(sys.stdin)["findings"]: print(finding["subject"])' <<<"$LAB_STDOUT" | sort | uniq -c)"
