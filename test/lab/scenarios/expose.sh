# shellcheck shell=bash
# lab: weave expose and hide: hosts in the overlay, a gateway for others, its firewall after flushes, crashes and a lost bridge
# needs: weave docker
# kernel: host
# limit: 120
# catalogue: 130 135 200

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_host_create outside 192.0.2.3
lab_dockerd_start hostb
lab_image_load hostb
lab_weave_launch hosta --ipalloc-range 10.2.0.0/16 --ipalloc-default-subnet 10.2.3.0/24
lab_weave_launch hostb --ipalloc-range 10.2.0.0/16 --ipalloc-default-subnet 10.2.3.0/24 192.0.2.1
lab_weave_connected 1 hosta hostb
lab_docker hostb run -d --name c1 --net=none --stop-signal KILL busybox:lab sleep 86400 >/dev/null
lab_weave hostb attach 10.2.1.1/24 10.2.2.1/24 c1 >/dev/null
# A gateway whose own firewall lets nothing through, as Docker makes one.
lab_exec hosta sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; iptables -P FORWARD DROP'
lab_exec outside ip route add 10.2.0.0/16 via 192.0.2.1

reaches() { lab_exec "$1" ping -q -c 1 -W 1 "$2" >/dev/null; } # HOST ADDRESS
prints() { # WHAT WORDS HOST COMMAND...
  lab_capture "$3" weave "${@:4}"
  lab_equal "$1: exit status ($LAB_STDERR)" 0 "$LAB_STATUS"
  lab_equal "$1" "$2" "$LAB_STDOUT"
}
rules() { lab_exec hosta sh -c "iptables-save | grep -E '^-A.*WEAVE' | sort; nft list table inet weave 2>/dev/null | grep comment"; }
bridge_addresses() { lab_exec hosta ip -o -4 address show dev weave | awk '{print $4}' | sort | tr '\n' ' '; }

lab_case 130
! reaches hosta 10.2.1.1 || lab_fail 'a host reaches a container without weave expose'
bare=$(rules)
prints 'expose' 10.2.1.254 hosta expose 10.2.1.254/24
prints 'expose again' 10.2.1.254 hosta expose ip:10.2.1.254/24
lab_wait 3 'hosta reaches c1' reaches hosta 10.2.1.1
! reaches hosta 10.2.2.1 || lab_fail 'the other subnet is open as well'
lab_case 130 200
prints 'expose by default and in a subnet' '10.2.3.1 10.2.2.2' hosta expose net:default net:10.2.2.0/24 -h gate.weave.local
prints 'expose by default again' 10.2.3.1 hosta expose
lab_wait 3 'hosta reaches c1 in the other subnet' reaches hosta 10.2.2.1
named() { [[ $(lab_weave hostb dns-lookup gate | sort | tr '\n' ' ') == "$1" ]]; }
lab_wait 5 'hostb knows the gateway by its name' named '10.2.2.2 10.2.3.1 '
lab_case 130
lab_match 'ps' '^weave:expose ([0-9a-f]{2}:){5}[0-9a-f]{2} 10\.2\.1\.254/24 10\.2\.3\.1/24 10\.2\.2\.2/24$' "$(lab_weave hosta ps weave:expose)"
lab_wait 3 'another machine reaches c1 through hosta' reaches outside 10.2.1.1

lab_case 135
# What others flush comes back; so do addresses.
exposed=$(rules)
restored() { [[ $(rules) == "$1" ]]; }
# flush WHAT COMMAND: from its end on.
flush() {
  local start
  lab_exec hosta sh -c "$2"
  start=$(lab_now_ms)
  lab_wait 12 "rules after $1" restored "$exposed"
  lab_say "rules are back after $1: $(($(lab_now_ms) - start)) ms"
  lab_at_most "rules after $1" 1000 "$(($(lab_now_ms) - start))"
}
lab_pinger_spawn flushes outside 10.2.1.1 0.02
lab_pinger_more flushes 10
moment=$(lab_now_ms)
flush 'iptables -F and -X' 'iptables -F; iptables -t nat -F; iptables -X; iptables -t nat -X; iptables -P FORWARD DROP'
flush 'nft flush ruleset' 'nft flush ruleset; iptables -P FORWARD DROP'
flush 'a jump deleted' 'iptables -D FORWARD -j WEAVE-FORWARD'
flush 'a table deleted' 'nft delete table inet weave'
flush 'a rule deleted' 'nft flush chain inet weave input'
lab_pinger_more flushes 25 20
lab_say "longest silence through the gateway: $(lab_pinger_silence flushes "$moment") ms"
lab_at_most 'silence through the gateway' 1500 "$(lab_pinger_silence flushes "$moment")"
lab_pinger_stop flushes
lab_exec hosta ip address flush dev weave
lab_wait 12 'another machine reaches c1 after its addresses were flushed' reaches outside 10.2.1.1

# Ports for other hosts are closed to containers, those of control and status to everybody else, whatever the firewall does.
connects() { # HOST CONTAINER ADDRESS PORT
  lab_docker "$1" exec "$2" sh -c "echo | nc -w 1 $3 $4" >/dev/null 2>&1
}
lab_docker hostb network create other >/dev/null
lab_container_start hostb plain
lab_container_start hostb other --net=other
bridge=$(lab_exec hostb ip -o -4 address show dev docker0 | sed -nE 's/.* inet ([0-9.]+).*/\1/p')
lab_exec hosta sh -c 'python3 -m http.server 8080 >/dev/null 2>&1 &'
lab_wait 5 'a server on hosta' lab_exec hosta ss -Hltn 'sport = :8080'
lab_wait 5 'c1 reaches other ports of the host that is exposed' connects hostb c1 10.2.1.254 8080
known() { lab_exec hostb nft list set inet weave container_bridges | grep -q '"br-'; }
lab_wait 12 'the bridge of another network of Docker is known' known
# closed WHEN: each attempt takes a second, so all at once.
closed() {
  local from to attempt attempts=('c1 10.2.1.254 6783') pids=()
  for from in plain other; do
    for to in "$bridge 6783" '192.0.2.2 6783' '192.0.2.2 6782'; do attempts+=("$from $to"); done
  done
  for attempt in "${attempts[@]}"; do
    read -r -a words <<<"$attempt"
    connects hostb "${words[@]}" &
    pids+=($!)
  done
  for attempt in "${!attempts[@]}"; do
    ! wait "${pids[attempt]}" || lab_fail "$1: a container reaches a port that is not for it: ${attempts[attempt]}"
  done
}
closed 'as launched'
lab_exec hostb iptables -F INPUT
closed 'iptables flushed'
lab_exec hosta bash -c 'exec 3<>/dev/tcp/192.0.2.2/6783' || lab_fail 'another host does not reach port 6783'

# Packets to a loopback address come from outside where the kernel is told to route them.
lab_exec hostb sh -c 'for name in eth0 docker0 weave; do echo 1 >/proc/sys/net/ipv4/conf/$name/route_localnet; done; ip address flush dev lo scope global
  python3 -m http.server --bind 127.0.0.1 8081 >/dev/null 2>&1 &'
lab_exec outside sh -c 'ip rule add pref 10 lookup local; ip rule del pref 0; ip rule add pref 5 to 127.0.0.0/8 lookup 7; ip route add 127.0.0.0/8 via 192.0.2.2 src 192.0.2.3 table 7
  echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet'
loopback() { lab_exec outside timeout 1 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1" 2>/dev/null; } # PORT
lab_wait 5 'a loopback address of hostb is reached from another host' loopback 8081
for port in 6782 6784; do ! loopback "$port" || lab_fail "another host reaches port $port at a loopback address"; done
pid=$(lab_weave_pid hostb)
lab_exec hostb sh -c "kill -STOP $pid; nft delete table inet weave"
loopback 6782 || lab_fail 'it is not our rule that keeps others out'
lab_exec hostb kill -CONT "$pid"
lab_wait 1 'our rule is back' eval '! loopback 6782'
lab_exec hostb bash -c 'exec 3<>/dev/tcp/127.0.0.1/6782' || lab_fail 'the host itself does not reach port 6782'

lab_exec hostb iptables -P INPUT DROP
lab_wait 5 'a container asks for names behind INPUT DROP' lab_docker hostb exec plain nslookup gate.weave.local "$bridge"
lab_exec hostb iptables -P INPUT ACCEPT

lab_case 130
# Without masquerading the container sees who asks, and has no way back; that too outlives a crash of the daemon.
prints 'expose --without-masquerade' 10.2.1.254 hosta expose --without-masquerade 10.2.1.254/24
! reaches outside 10.2.1.1 || lab_fail 'it is still masqueraded'
reaches hosta 10.2.1.1 || lab_fail 'the host itself is no longer in the subnet'
plain=$(rules)
before=$(bridge_addresses)
pid=$(lab_weave_pid hosta)
lab_exec hosta kill -KILL "$pid"
again() { local now; now=$(lab_weave_pid hosta) && [[ $now != "$pid" ]] && lab_weave hosta status >/dev/null; }
lab_wait 10 'the daemon is back' again
lab_equal 'rules after a crash' "$plain" "$(rules)"
lab_equal 'addresses after a crash' "$before" "$(bridge_addresses)"
pid=$(lab_weave_pid hosta)
lab_exec hosta ip link delete weave
lab_wait 10 'the daemon has made its bridge anew' again
lab_equal 'addresses of the new bridge' "$before" "$(bridge_addresses)"
lab_wait 5 'hosta reaches c1 after its bridge was deleted' reaches hosta 10.2.1.1

# Everything goes as it came.
prints 'hide' 10.2.1.254 hosta hide 10.2.1.254/24
! reaches hosta 10.2.1.1 || lab_fail 'a host reaches a container after weave hide'
reaches hosta 10.2.2.1 || lab_fail 'the other subnet is hidden as well'
prints 'hide again' 10.2.1.254 hosta hide 10.2.1.254/24
prints 'hide the others' '10.2.3.1 10.2.2.2' hosta hide net:default net:10.2.2.0/24
prints 'hide nothing' '' hosta hide
lab_equal 'addresses of the bridge' '' "$(bridge_addresses)"
lab_wait 5 'the name of the gateway has gone' named ''
lab_equal 'rules' "$bare" "$(rules)"
lab_case 135
exposed=$bare
flush 'iptables -F and -X with nothing exposed' 'iptables -F; iptables -t nat -F; iptables -X; iptables -t nat -X'
lab_case 130
prints 'an address that was hidden' 10.2.3.1 hosta expose
lab_weave hosta reset >/dev/null
lab_equal 'left by weave reset' '' "$(lab_weave_remains hosta)"
