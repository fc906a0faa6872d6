# shellcheck shell=bash
# lab: weave attach, detach and ps: all kinds of addresses, what they print, names, pings between hosts, no waiting
# needs: weave docker
# kernel: host
# limit: 120
# catalogue: 100 140 195 280 300 320 500 510

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb

run() { # HOST NAME [OPTION...]
  lab_docker "$1" run -d --name "$2" -h "$2.weave.local" --stop-signal KILL "${@:3}" busybox:lab sleep 86400 >/dev/null
}
prints() { # WHAT WORDS HOST COMMAND...
  lab_capture "$3" weave "${@:4}"
  lab_equal "$1: exit status ($LAB_STDERR)" 0 "$LAB_STATUS"
  lab_equal "$1" "$2" "$LAB_STDOUT"
}
fails() { # STATUS TEXT HOST COMMAND...
  lab_capture "$3" weave "${@:4}"
  lab_equal "weave ${*:4}: exit status" "$1" "$LAB_STATUS"
  lab_equal "weave ${*:4}: stdout" '' "$LAB_STDOUT"
  lab_equal "weave ${*:4}" "$2" "$LAB_STDERR"
}
reaches() { lab_docker "$1" exec "$2" ping -q -c 1 -W 1 "$3" >/dev/null; } # HOST CONTAINER ADDRESS
short_id() { lab_docker "$1" inspect -f '{{printf "%.12s" .Id}}' "$2"; }
names() { lab_weave "$1" dns-lookup "$2" | wc -l; } # HOST NAME

run hosta c1 & one=$!
run hosta c2 & two=$!
run hostb c3
wait "$one" "$two"
fails 7 'weave is not running (nobody answers on /run/weave/control.sock). Have you launched it?' hosta attach c1
prints 'ps without a bridge' '' hosta ps

lab_case 510
# Nobody to agree with: what needs no agreement does not wait for it.
lab_weave_launch hosta --ipalloc-range 10.2.0.0/16 --ipalloc-default-subnet 10.2.3.0/24 --ipalloc-init consensus=2
start=$(lab_now_ms)
prints 'detach without consensus' '' hosta detach c1
prints 'hide without consensus' '' hosta hide
prints 'detach of a subnet without consensus' '' hosta detach net:10.2.2.0/24 c1
prints 'attach outside the range without consensus' 10.9.1.1 hosta attach 10.9.1.1/24 c1
prints 'detach outside the range' 10.9.1.1 hosta detach 10.9.1.1/24 c1
prints 'expose outside the range without consensus' 10.9.1.254 hosta expose ip:10.9.1.254/24
prints 'hide outside the range' 10.9.1.254 hosta hide 10.9.1.254/24
lab_at_most 'what needs no consensus' 3000 "$(($(lab_now_ms) - start))"
lab_case 320
lab_weave hosta attach 10.2.1.1/24 c1 >"$LAB_DIR/claimed" &
claim=$!
lab_weave_launch hostb --ipalloc-range 10.2.0.0/16 --ipalloc-default-subnet 10.2.3.0/24 --ipalloc-init consensus=2 192.0.2.1
lab_weave_connected 1 hosta hostb
wait "$claim" || lab_fail 'a claim that waited for the other peer failed'
lab_equal 'a claim that waited for the other peer' 10.2.1.1 "$(cat "$LAB_DIR/claimed")"

lab_case 100 140 500
# Three addresses of all kinds; the lowest comes first, and the same request gives the same address.
prints 'attach' '10.2.1.1 10.2.2.1 10.2.3.1' hosta attach 10.2.1.1/24 net:10.2.2.0/24 net:default c1
prints 'attach again' '10.2.2.1 10.2.3.1' hosta attach net:10.2.2.0/24 net:default c1
prints 'attach by default' 10.2.3.2 hosta --local attach c2
prints 'attach on another host' 10.2.1.3 hostb attach ip:10.2.1.3/24 c3
reaches hosta c1 10.2.1.3 || lab_fail 'c1 on hosta does not reach c3 on hostb'
reaches hosta c1 10.2.3.2 || lab_fail 'c1 does not reach c2'
read -r there_in_subnet there_by_default <<<"$(lab_weave hostb attach net:10.2.2.0/24 net:default c3)"
for address in "$there_in_subnet" "$there_by_default"; do reaches hosta c1 "$address" || lab_fail "c1 on hosta does not reach c3 on hostb at $address"; done
for address in 10.2.1.1 10.2.2.1 10.2.3.1 10.2.3.2; do reaches hostb c3 "$address" || lab_fail "c3 on hostb does not reach $address on hosta"; done
lab_equal 'detach on another host' "$there_in_subnet $there_by_default" "$(lab_weave hostb detach "$there_in_subnet/24" "$there_by_default/24" c3)"
! reaches hosta c2 10.2.1.3 || lab_fail 'c2 reaches a subnet that it is not on'
lab_match 'ps of c1' "^$(short_id hosta c1) ([0-9a-f]{2}:){5}[0-9a-f]{2} 10\.2\.1\.1/24 10\.2\.2\.1/24 10\.2\.3\.1/24$" \
  "$(lab_weave hosta ps "$(short_id hosta c1)")"
prints 'ps of what does not exist' '' hosta ps nobody
lab_equal 'why' 'unable to inspect container nobody: No such container: nobody' "$LAB_STDERR"
lab_match 'ps --json' '"id":"c1","interface":"ethwe","mac":"[0-9a-f:]{17}","addresses":\["10.2.1.1/24","10.2.2.1/24","10.2.3.1/24"\]' "$(lab_weave hosta ps --json c1)"
lab_match 'ps by name' '^c1 ([0-9a-f]{2}:){5}[0-9a-f]{2} 10\.2\.1\.1/24 ' "$(lab_weave hosta ps c1)"
lab_equal 'lines of ps' "$(printf '%s\n' weave:expose "$(short_id hosta c1)" "$(short_id hosta c2)" | sort)" \
  "$(lab_weave hosta ps | cut -d ' ' -f 1 | sort)"
lab_equal 'names of c1' 3 "$(names hosta c1)"
lab_wait 5 'the names of c1 on hostb' eval "((\$(names hostb c1) == 3))"
[[ $(lab_docker hosta exec c1 cat /sys/class/net/ethwe/mtu) == $(lab_exec hosta cat /sys/class/net/weave/mtu) ]] || lab_fail 'the MTU of ethwe is not the bridge'\''s'
lab_case 195
lab_match 'multicast' 'dev ethwe' "$(lab_container_net hosta c1 ip route show 224.0.0.0/4)"

lab_case 500
# Errors.
fails 1 'invalid subnet - smaller than minimum size 4: 10.2.3.2/31' hosta attach net:10.2.3.2/31 c1
fails 1 'invalid subnet - bits after network prefix are not all zero: 10.2.3.2/30' hosta attach net:10.2.3.2/30 c1
fails 1 'range 10.99.0.0/16 out of bounds: 10.2.0.0/16' hosta attach net:10.99.0.0/16 c1
fails 1 "Unable to claim: address 10.2.1.1/24 is already owned by $(lab_docker hosta inspect -f '{{.Id}}' c1)" hosta attach 10.2.1.1/24 c2
fails 1 'unable to inspect container nobody: No such container: nobody' hosta attach nobody
lab_docker hosta create --name idle busybox:lab true >/dev/null
fails 1 "container $(lab_docker hosta inspect -f '{{.Id}}' idle) not running" hosta attach idle
run hosta onhost --net=host -h ''
fails 1 $'Container is running in the host network namespace, and therefore cannot be\nconnected to weave - perhaps the container was started with --net=host' hosta attach onhost
run hosta mounted -v /etc/hosts:/etc/hosts
mine=$(lab_exec hosta cat /etc/hosts)
fails 1 'its /etc/hosts is mounted from /etc/hosts and belongs to somebody else: leave out --rewrite-hosts' hosta attach --rewrite-hosts 10.2.9.1/24 mounted
lab_equal "the host's own hosts file" "$mine" "$(lab_exec hosta cat /etc/hosts)"
lab_docker hosta rm -f idle onhost mounted >/dev/null
lab_capture hosta weave attach 192.0.2.99/32 c2
lab_equal 'warning of an address that the host has a route to' 'Network 192.0.2.99/32 overlaps with existing route 192.0.2.0/24 on host' "$LAB_STDERR"
prints 'detach of it' 192.0.2.99 hosta detach 192.0.2.99/32 c2

# Detach: one subnet, then the rest; names and addresses go with it.
prints 'detach of a subnet' 10.2.2.1 hosta detach net:10.2.2.0/24 c1
lab_equal 'names of c1' 2 "$(names hosta c1)"
prints 'detach of the others' '10.2.1.1 10.2.3.1' hosta detach 10.2.1.1/24 net:default c1
lab_equal 'ps of nothing' '' "$(lab_weave hosta ps c1)"
lab_equal 'names of c1' 0 "$(names hosta c1)"
prints 'detach of nothing' '' hosta detach c1
lab_absent 'interfaces after the last detach' ethwe "$(lab_container_net hosta c1 ip -o link)"
lab_case 300 500
# The other host's container has just talked to whoever had it before.
prints 'the address can be had by another' 10.2.1.1 hosta attach 10.2.1.1/24 c2
reaches hostb c3 10.2.1.1 || lab_fail 'an address used again is not reachable at once'

lab_case 140 195 280
# Without a name, with a hosts file, without multicast; ps while the daemon is down.
prints 'attach of another' 10.2.8.1 hosta attach 10.2.8.1/24 c2
prints 'detach of one address twice' '10.2.8.1 10.2.8.1' hosta detach 10.2.8.1/24 10.2.8.1/24 c2
prints 'attach --rewrite-hosts' 10.2.3.1 hosta attach --without-dns --rewrite-hosts --no-multicast-route --add-host=db:192.0.2.7 c1
lab_equal 'names of c1' 0 "$(names hosta c1)"
lab_equal 'hostname -i' 10.2.3.1 "$(lab_docker hosta exec c1 hostname -i)"
lab_match 'hosts file' '^192.0.2.7       db$' "$(lab_docker hosta exec c1 cat /etc/hosts)"
lab_equal 'multicast route' '' "$(lab_container_net hosta c1 ip route show 224.0.0.0/4)"

lab_case 100 140 195
# A container that starts again has all of it again by itself: restarted by hand, by its policy, without a daemon.
restored() { [[ $(lab_docker hosta exec c1 hostname -i) == 10.2.3.1 ]] && reaches hosta c1 10.2.3.2; }
lab_docker hosta stop -t 0 c1 >/dev/null
lab_absent 'an address while its container is stopped' '^10\.2\.3\.1$' "$(lab_weave hosta expose)"
lab_weave hosta hide >/dev/null
lab_docker hosta start c1 >/dev/null
lab_wait 5 'c1 has its address again' restored
lab_equal 'multicast route after a restart' '' "$(lab_container_net hosta c1 ip route show 224.0.0.0/4)"
lab_match 'hosts file after a restart' '^192.0.2.7       db$' "$(lab_docker hosta exec c1 cat /etc/hosts)"
lab_equal 'names of c1 after a restart' 0 "$(names hosta c1)"
prints 'attach after a restart' 10.2.3.1 hosta attach c1
lab_docker hosta update --restart always c2 >/dev/null
killed=$(lab_docker hosta inspect -f '{{.State.Pid}}' c2)
back() { local now; now=$(lab_docker hosta inspect -f '{{.State.Pid}}' c2) && [[ $now != 0 && $now != "$killed" ]]; }
lab_exec hosta kill -KILL "$killed"
lab_wait 10 'c2 runs again' back
lab_wait 10 'c2 has its addresses again' reaches hostb c3 10.2.1.1
lab_wait 5 'c2 has its names again' eval "((\$(names hosta c2) == 2))"
before=$(lab_weave hosta ps)
lab_weave hosta stop >/dev/null
lab_equal 'ps with the daemon stopped' "$before" "$(lab_weave hosta ps)"
lab_docker hosta restart -t 0 c2 >/dev/null
lab_weave_launch hosta --ipalloc-range 10.2.0.0/16 --ipalloc-default-subnet 10.2.3.0/24 192.0.2.2
lab_wait 5 'c3 on hostb reaches c2 on hosta' reaches hostb c3 10.2.1.1
prints 'attach after a restart of the daemon' 10.2.3.2 hosta attach c2
lab_equal 'ps after a restart of the daemon' "$(cut -d ' ' -f 1,3- <<<"$before")" "$(lab_weave hosta ps | cut -d ' ' -f 1,3-)"
lab_wait 5 'c2 has its names after a restart of the daemon, and no other' eval "((\$(names hosta c2) == 2))"

lab_case 280
# Without DNS everything else is the same.
lab_weave hosta stop >/dev/null
lab_weave_launch hosta --no-dns --ipalloc-range 10.2.0.0/16 --ipalloc-default-subnet 10.2.3.0/24 192.0.2.2
prints 'detach without DNS' 10.2.3.1 hosta detach c1
prints 'attach without DNS' 10.2.3.1 hosta attach --without-dns --rewrite-hosts --add-host=db:192.0.2.8 c1
lab_equal 'hostname -i without DNS' 10.2.3.1 "$(lab_docker hosta exec c1 hostname -i)"
lab_match 'hosts file without DNS' '^192.0.2.8       db$' "$(lab_docker hosta exec c1 cat /etc/hosts)"
reaches hosta c1 10.2.3.2 || lab_fail 'c1 does not reach c2 without DNS'
